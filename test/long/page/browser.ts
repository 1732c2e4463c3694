import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Places of Chromium as systems install it. */
const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser of this machine; undefined if it has none. */
export async function openBrowser(): Promise<Browser | undefined> {
  const executablePath = places.find((path) => existsSync(path));
  // A sandbox cannot be had by root.
  return executablePath === undefined ? undefined : chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

/** A page, and what went wrong on it: messages of the console, errors, dialogs, requests to anywhere else. */
export interface WatchedPage {
  readonly page: Page;
  readonly troubles: readonly string[];
}

/** Opens `url` in a window of its own. */
export async function openPage(
  browser: Browser,
  url: string,
  { width, colours }: { readonly width: number; readonly colours: 'light' | 'dark' },
): Promise<WatchedPage> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme: colours });
  const troubles: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') troubles.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => troubles.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    troubles.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && protocol !== 'data:') troubles.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, troubles };
}
