// The way of a newcomer, in a real browser, with and without JavaScript.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, open, signIn } from './harness/browser.mjs';
import { ofDifferentOrganisations, startDemo } from './harness/hub.mjs';

const COMMUNITY = 'secure-engineering';

let hub, browser;
before(async () => {
  hub = await startDemo();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await hub?.stop();
});

async function openThread(page, title, body) {
  await page.goto(new URL(`/communities/${COMMUNITY}/discussions`, hub.url).href);
  await page.getByRole('link', { name: 'Open a thread' }).click();
  const category = page.locator('input[name=category]').first();
  if (!(await category.isChecked())) await category.check();
  await page.getByLabel('Title', { exact: true }).fill(title);
  await page.locator('textarea[name=body]').fill(body);
  await page.getByRole('button', { name: 'Open the thread' }).click();
  await page.waitForURL(/\/threads\//);
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
  return page.url();
}

async function reply(page, url, body) {
  await page.goto(url);
  const form = page.locator('form', { has: page.locator('#body') });
  await form.locator('#body').fill(body);
  await form.getByRole('button', { name: 'Send reply' }).click();
  await page.locator('.thread-posts').getByText(body).waitFor();
}

// Who is not a member yet joins first, as the page asks them to.
async function join(page) {
  await page.goto(new URL(`/communities/${COMMUNITY}`, hub.url).href);
  const button = page.getByRole('button', { name: /^Join/ });
  if (await button.count()) {
    await button.first().click();
    await page.waitForLoadState();
  }
}

for (const javaScriptEnabled of [true, false]) {
  const way = javaScriptEnabled ? 'with JavaScript' : 'without JavaScript';

  test(`two departments talk ${way}`, async () => {
    const [asker, answerer] = ofDifferentOrganisations(hub.people);
    const asking = await open(browser, { javaScriptEnabled });
    await signIn(asking, hub, asker);
    await join(asking);

    const title = `How do you review threat models ${way}?`;
    const url = await openThread(asking, title, 'We meet **once** a month.\n\n<script>document.title = "owned"</script>');
    assert.equal(await asking.locator('article strong').first().innerText(), 'once', 'Markdown is rendered');
    assert.ok(!(await asking.title()).includes('owned'), 'and what is dangerous in it is gone');

    const answering = await open(browser, { javaScriptEnabled });
    await signIn(answering, hub, answerer);
    await join(answering);
    const words = `With every pull request, ${way}.`;
    await reply(answering, url, words);
    if (!javaScriptEnabled) await asking.reload();
    // With JavaScript the page that has been open all the time shows it by itself.
    await asking.locator('.thread-posts').getByText(words).waitFor();
    await asking.getByText(answerer.name).first().waitFor();

    assert.deepEqual(asking.complaints, []);
    assert.deepEqual(answering.complaints, []);
    await asking.context().close();
    await answering.context().close();
  });

  test(`a preview is not sent ${way}`, async () => {
    const page = await open(browser, { javaScriptEnabled });
    await signIn(page, hub, hub.people[0]);
    await join(page);
    await page.goto(new URL(`/communities/${COMMUNITY}/discussions/new`, hub.url).href);
    await page.getByLabel('Title', { exact: true }).fill(`Only a thought ${way}`);
    await page.locator('textarea[name=body]').fill('Some *words*');
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByText('words').and(page.locator('em')).first().waitFor();
    assert.equal(await page.locator('textarea[name=body]').inputValue(), 'Some *words*', 'what was written stays');
    await page.goto(new URL(`/communities/${COMMUNITY}/discussions`, hub.url).href);
    assert.equal(await page.getByText(`Only a thought ${way}`).count(), 0);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });

  test(`a form sent empty says what is missing ${way}`, async () => {
    const page = await open(browser, { javaScriptEnabled });
    await signIn(page, hub, hub.people[0]);
    await join(page);
    await page.goto(new URL(`/communities/${COMMUNITY}/discussions/new`, hub.url).href);
    await page.getByRole('button', { name: 'Open the thread' }).click();
    await page.getByRole('heading', { name: 'There is a problem' }).waitFor();
    assert.match(await page.title(), /^Error: /);
    await page.context().close();
  });
}

test('signing out ends the session', async () => {
  const page = await open(browser);
  await signIn(page, hub, hub.people[1]);
  const cookies = await page.context().cookies();
  assert.ok(cookies.some((cookie) => cookie.httpOnly && cookie.sameSite === 'Lax'), 'the session is kept from scripts');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('banner').getByRole('link', { name: 'Sign in' }).waitFor();
  await page.context().clearCookies();
  await page.context().addCookies(cookies);
  await page.goto(new URL('/profile', hub.url).href);
  assert.equal(await page.getByRole('button', { name: 'Sign out' }).count(), 0, 'the old cookie opens nothing');
  await page.context().close();
});

test('what a stranger may not see looks like what does not exist', async () => {
  const page = await open(browser);
  const missing = await page.goto(new URL('/communities/no-such-community', hub.url).href);
  assert.equal(missing.status(), 404);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.context().close();
});

test('a page refers to nothing outside of the hub and runs no inline code', async () => {
  const page = await open(browser);
  const foreign = [];
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(hub.url).origin) foreign.push(request.url());
  });
  const response = await page.goto(hub.url);
  const policy = (await response.allHeaders())['content-security-policy'] ?? '';
  assert.ok(policy.includes("frame-ancestors 'none'") && !policy.includes('unsafe-inline'), policy);
  assert.deepEqual(foreign, []);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('a narrow page needs no scrolling sideways', async () => {
  const page = await open(browser, { viewport: { width: 320, height: 640 } });
  await signIn(page, hub, hub.people[0]);
  for (const path of ['/', '/communities', `/communities/${COMMUNITY}`, `/communities/${COMMUNITY}/discussions`, `/communities/${COMMUNITY}/discussions/new`, '/profile']) {
    await page.goto(new URL(path, hub.url).href);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wider <= 0, `${path} is ${wider} pixels wider than a small phone`);
  }
  await page.context().close();
});
