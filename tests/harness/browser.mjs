// Debian's Chromium, driven through playwright-core.
import { chromium } from 'playwright-core';

export async function launch() {
  const executablePath = process.env.HUB_CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
    ],
  });
}

export const WIDTHS = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } };

// A page in a browser profile of its own, of someone who asked for no motion: what moves cannot be clicked. What the page complains of is kept in `page.complaints`.
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: WIDTHS.desktop, locale: 'en-GB', timezoneId: 'Europe/London', reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  page.complaints = [];
  page.on('pageerror', (error) => page.complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') page.complaints.push(`console: ${message.text()}`);
  });
  return page;
}

// Signs in the way a person does: choose the organisation, then oneself from the provider's list.
export async function signIn(page, hub, person) {
  await page.goto(new URL('/sign-in', hub.url).href);
  await page.getByRole('main').getByRole('link', { name: person.organisation }).first().click();
  await page.getByRole('button', { name: person.name }).first().click();
  await page.waitForURL((url) => url.origin === new URL(hub.url).origin && url.pathname !== '/sign-in');
  await page.getByRole('banner').getByText(person.name).first().waitFor();
}
