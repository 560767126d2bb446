// WCAG 2.2 AA by axe: no violation on any page, in light and dark, on a phone and on a desk, signed in and not.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { WIDTHS, launch, open, signIn } from './harness/browser.mjs';
import { startDemo } from './harness/hub.mjs';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa', 'best-practice'];
const COMMUNITY = 'secure-engineering';
const PUBLIC = ['/', '/sign-in', '/accessibility', '/communities', `/communities/${COMMUNITY}`, `/communities/${COMMUNITY}/discussions`, '/no-such-page'];
const SIGNED_IN = [
  '/',
  '/communities',
  '/communities/new',
  `/communities/${COMMUNITY}`,
  `/communities/${COMMUNITY}/discussions`,
  `/communities/${COMMUNITY}/discussions/new`,
  '/profile',
];

let hub, browser, axe;
before(async () => {
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  hub = await startDemo();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await hub?.stop();
});

async function violations(page) {
  await page.evaluate(axe);
  const result = await page.evaluate((tags) => globalThis.axe.run(document, { runOnly: tags }), TAGS);
  return result.violations.map(({ id, help, nodes }) => `${id}: ${help}\n    ${nodes.map((node) => `${node.html} — ${node.failureSummary?.replaceAll('\n', ' ')}`).join('\n    ')}`);
}

// The first thread of the community, so that a page with posts is looked at too.
async function firstThread(page) {
  await page.goto(new URL(`/communities/${COMMUNITY}/discussions`, hub.url).href);
  return page.locator('a[href^="/threads/"]').first().getAttribute('href');
}

test('a barrier is found where there is one', async () => {
  const page = await open(browser, { bypassCSP: true });
  await page.goto(hub.url);
  await page.evaluate(() => document.querySelector('main').insertAdjacentHTML('beforeend', '<img src="/assets/none.png"><button></button>'));
  const found = (await violations(page)).map((violation) => violation.split(':')[0]);
  assert.ok(found.includes('image-alt') && found.includes('button-name'), found.join(', '));
  await page.context().close();
});

for (const [device, viewport] of Object.entries(WIDTHS)) {
  for (const colorScheme of ['light', 'dark']) {
    test(`no barrier on a ${device} in ${colorScheme} colours`, async () => {
      const found = [];
      // axe is put into the page, which the hub's own policy rightly forbids.
      const page = await open(browser, { viewport, colorScheme, bypassCSP: true });
      const look = async (who, path) => {
        await page.goto(new URL(path, hub.url).href);
        found.push(...(await violations(page)).map((violation) => `${path} (${who}): ${violation}`));
      };
      const thread = await firstThread(page);
      const record = thread.replace('/threads/', '/history/');
      for (const path of [...PUBLIC, thread, record]) await look('signed out', path);
      await signIn(page, hub, hub.people[0]);
      for (const path of [...SIGNED_IN, thread, record]) await look('signed in', path);

      // A page that tells of an error is a page too.
      await page.goto(new URL(`/communities/${COMMUNITY}/discussions/new`, hub.url).href);
      await page.getByRole('button', { name: 'Open the thread' }).click();
      found.push(...(await violations(page)).map((violation) => `the form with errors: ${violation}`));
      assert.deepEqual(found, []);
      await page.context().close();
    });
  }
}
