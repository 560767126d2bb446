// Signing in at a provider that no one here wrote, one process for each department.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';

import { launch, open } from './harness/browser.mjs';
import { freePort, run, startHub, temporaryFolder } from './harness/hub.mjs';

const CLIENT = 'hub';
const DEPARTMENTS = [
  { slug: 'granite-works', name: 'Granite Works Agency', login: 'maple', person: 'Maple Example', claimsFromUserinfo: false },
  { slug: 'weather-office', name: 'Weather Office', login: 'cedar', person: 'Cedar Example', claimsFromUserinfo: true },
];

let hub, browser, data;
const providers = [];
before(async () => {
  data = await temporaryFolder('sign-in');
  const port = await freePort();
  const env = { HUB_LOOPBACK_PROVIDERS: 'true' };
  for (const department of DEPARTMENTS) {
    const id = randomUUID();
    const secret = randomBytes(24).toString('base64url');
    const secretFile = path.join(data.folder, `${department.slug}.secret`);
    await writeFile(secretFile, secret, { mode: 0o600 });
    const providerPort = await freePort();
    const redirect = `http://127.0.0.1:${port}/sign-in/${id}/callback`;
    const script = fileURLToPath(new URL('./harness/provider.mjs', import.meta.url));
    const child = spawn(process.execPath, [script, String(providerPort), CLIENT, secret, redirect], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, CLAIMS_FROM_USERINFO: department.claimsFromUserinfo ? '1' : '0', NODE_NO_WARNINGS: '1' },
    });
    providers.push(child);
    await once(child.stdout, 'data');
    const folder = ['--data-dir', path.join(data.folder, 'hub'), '--public-url', `http://127.0.0.1:${port}`];
    await run(['org', 'add', '--slug', department.slug, '--name', department.name, ...folder], { env });
    const issuer = ['--issuer', `http://127.0.0.1:${providerPort}`, '--client-id', CLIENT, '--client-secret-file', secretFile];
    await run(['org', 'add-provider', '--org', department.slug, '--name', 'Staff sign-in', '--id', id, ...issuer, ...folder], { env });
  }
  hub = await startHub({ port, args: ['--data-dir', path.join(data.folder, 'hub')], env });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await hub?.stop();
  for (const child of providers) child.kill('SIGTERM');
  await data?.remove();
});

async function signInAt(department) {
  const page = await open(browser);
  await page.goto(new URL('/sign-in?return_to=/profile', hub.url).href);
  await page.getByRole('main').getByRole('link', { name: department.name }).click();
  await page.locator('input[name=login]').fill(department.login);
  await page.locator('input[name=password]').fill('anything');
  await page.locator('button[type=submit]').click();
  // The provider asks for consent on a page of its own.
  await page.locator('button[type=submit]').click();
  await page.waitForURL((url) => url.origin === hub.url);
  return page;
}

for (const department of DEPARTMENTS) {
  test(`a person of the ${department.name} signs in${department.claimsFromUserinfo ? ', whose provider tells names at its userinfo endpoint only' : ''}`, async () => {
    const page = await signInAt(department);
    await page.getByRole('banner').getByText(department.person).first().waitFor();
    await page.goto(new URL('/profile', hub.url).href);
    await page.getByRole('main').getByText(department.name).first().waitFor();
    await page.context().close();
  });
}

test('the same person is the same person the second time', async () => {
  const own = async () => {
    const page = await signInAt(DEPARTMENTS[0]);
    await page.goto(new URL('/profile', hub.url).href);
    const address = await page.getByRole('main').locator('a[href^="/people/"]').first().getAttribute('href');
    await page.context().close();
    return address;
  };
  assert.equal(await own(), await own());
});

test('an answer that no sign-in asked for is refused', async () => {
  const page = await open(browser);
  await page.goto(new URL('/sign-in', hub.url).href);
  const href = await page.getByRole('main').getByRole('link', { name: DEPARTMENTS[0].name }).getAttribute('href');
  const begun = await fetch(new URL(href, hub.url), { redirect: 'manual' });
  const redirect = new URL(new URL(begun.headers.get('location')).searchParams.get('redirect_uri'));
  redirect.search = '?code=invented&state=invented';
  const response = await page.goto(redirect.href);
  assert.ok(response.status() >= 400 && response.status() < 500, `answered ${response.status()}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.context().close();
});
