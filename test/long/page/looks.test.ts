import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { idleState, zeroTotals } from '../../../src/engine/engine-totals.ts';
import { metricsOf } from '../../../src/worker/metrics.ts';
import { run } from '../../support/cli.ts';
import { FakeBackend, servedModel } from '../../support/fake-backend.ts';
import { until } from '../../support/processes.ts';
import { served } from '../../support/served.ts';
import { postTo, type Server, serve } from '../../support/server.ts';
import { serving } from '../../support/serving.ts';
import { smollm2 } from '../../support/smollm2.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { fullAnswer, hostileAnswers } from './answers.ts';
import { openBrowser, openPage } from './browser.ts';

/** The folder in which the pictures of a run stay. */
const pictures = join('.cache', 'page');
mkdirSync(pictures, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const browser = await openBrowser();
const skip = browser ? false : 'there is no Chromium';
after(() => browser?.close());

const model = await smollm2();
/** A model that streams: half of it stays in 210 MiB. */
const options = ['--memory-budget', '210M', '--ctx', '2048', '--parallel', '2'];

/** Violations of accessibility, a line each. */
async function violationsOn(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe: checker } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    interface Violation {
      readonly id: string;
      readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
    }
    const { violations } = await checker.run();
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}: ${node.failureSummary}`));
  });
}

/** Asks in the chat by the keyboard alone. */
async function ask(page: Page, text: string): Promise<void> {
  await page.focus('#text');
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
}

/** Keeps the server at work until it is told to stop. */
function keepBusy(server: Server): () => Promise<void> {
  let over = false;
  const answers = (async (): Promise<void> => {
    while (!over) {
      await postTo(server, '/completion', { prompt: 'Count to one hundred.', n_predict: 60, ignore_eos: true });
    }
  })();
  answers.catch(() => {});
  return async () => {
    over = true;
    await answers;
  };
}

/** One server for all tests of a model that streams, at work until it has to rest. */
const server = await serve([model, ...options]);
const rest = keepBusy(server);
after(() => server[Symbol.asyncDispose]());

/** A server whose answers are scripted. */
async function scripted(backend: FakeBackend, apiKey?: string): Promise<{ url: string } & AsyncDisposable> {
  backend.figures = metricsOf({ outcomes: new Map(), pending: 0, sums: zeroTotals, state: idleState });
  return serving(served({ apiKey }, backend).app);
}

for (const width of [390, 820, 1440]) {
  for (const colours of ['light', 'dark'] as const) {
    test(`while a model streams, ${width} pixels in ${colours} colours are accessible and nothing is cut off`, {
      skip,
    }, async () => {
      if (!browser) return;
      const { page, troubles } = await openPage(browser, `${server.url}/ui`, { width, colours });
      await page.waitForSelector('svg .computing', { timeout: 60_000 });
      await page.fill('#text', 'What is a plum?');
      await page.locator('#if-memory-budget').focus();
      for (let i = 0; i < 5; i += 1) await page.keyboard.press('ArrowRight');
      await page.waitForSelector('[role=status] .bar', { timeout: 60_000 });
      await page.evaluate('scrollTo(0, 0)');
      await page.screenshot({ path: join(pictures, `${width}-${colours}.png`), fullPage: true });
      assert.deepEqual(await violationsOn(page), []);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true, 'scrolls sideways');
      assert.deepEqual(troubles, []);
      await page.close();
    });
  }
}

test('the figures on the page are those of /metrics, while a model streams and when it is done', { skip }, async () => {
  if (!browser) return;
  const { page } = await openPage(browser, `${server.url}/ui`, { width: 1440, colours: 'light' });
  const metrics = async (): Promise<ReadonlyMap<string, number>> => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return new Map([...text.matchAll(/^ssdllm_(\w+) (\S+)$/gm)].map(([, name = '', value]) => [name, Number(value)]));
  };
  const shown = async (): Promise<readonly (readonly [string, number])[]> => {
    const all = await page
      .locator('[data-figure]')
      .evaluateAll((found) =>
        found.map((one) => [`${one.getAttribute('data-figure')}`, Number(one.getAttribute('data-value'))] as const),
      );
    return all.filter(([name]) => name.endsWith('_total'));
  };
  const time = (): Promise<string | null> => page.locator('#status').getAttribute('data-time');
  await page.waitForSelector('svg .computing', { timeout: 60_000 });
  const before = await metrics();
  // The next state but one was asked for after that.
  for (let events = 0; events < 2; events += 1) {
    const seen = await time();
    await until(async () => (await time()) !== seen);
  }
  const now = await shown();
  const later = await metrics();
  assert.ok(now.length >= 6);
  for (const [name, value] of now) {
    assert.ok(
      (before.get(name) ?? Number.NaN) <= value && value <= (later.get(name) ?? Number.NaN),
      `${name} ${value}`,
    );
  }
  await rest();
  const done = await metrics();
  assert.ok((done.get('bytes_read_total') ?? assert.fail()) > 0);
  await until(async () => (await shown()).every(([name, value]) => done.get(name) === value));
  await page.close();
});

test('answers that try to be more than text are text: nothing runs, nothing is asked of anybody else', {
  skip,
}, async () => {
  if (!browser) return;
  const backend = new FakeBackend();
  await using fake = await scripted(backend);
  const { page, troubles } = await openPage(browser, `${fake.url}/ui`, { width: 820, colours: 'light' });
  await page.waitForSelector('#chat option', { state: 'attached' });
  for (const [i, text] of hostileAnswers.entries()) {
    // Piece by piece: tags are torn apart.
    backend.script = { deltas: text.match(/.{1,7}/gsu) ?? [] };
    await ask(page, `question ${i}`);
    await until(async () => (await page.locator('#ask [role=status]').textContent())?.includes('tokens') === true);
  }
  const made = await page
    .locator('#log')
    .evaluate((log) => log.querySelectorAll('script,img,iframe,style,form,button,svg,[onclick],[onerror]').length);
  assert.equal(made, 0);
  // A link to the web is one, until somebody follows it: pictures are not fetched.
  const links = await page.locator('#log a').evaluateAll((all) => all.map((one) => one.getAttribute('href')));
  assert.deepEqual(links, ['https://evil.example/pixel.png']);
  assert.match(
    (await page.locator('#log').textContent()) ?? '',
    /<script>alert\(1\)<\/script><img src=x onerror=alert\(2\)>/,
  );
  assert.deepEqual(troubles, []);
  await page.close();
});

test('thoughts, Markdown and calls of tools are shown; Escape stops an answer, the key is asked for', {
  skip,
}, async () => {
  if (!browser) return;
  const backend = new FakeBackend(servedModel({ thinks: true, callsTools: true }));
  await using fake = await scripted(backend, 'secret');
  const { page } = await openPage(browser, `${fake.url}/ui`, { width: 820, colours: 'dark' });
  await page.fill('#key-text', 'secret');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#chat option', { state: 'attached' });
  backend.script = { deltas: fullAnswer };
  await ask(page, 'Which fruits?');
  await page.waitForSelector('#log ol');
  await until(async () => (await page.locator('#log pre').count()) === 2);
  assert.match((await page.locator('#log .thoughts').textContent()) ?? '', /Two are enough/);
  assert.match((await page.locator('#log').textContent()) ?? '', /price\(/);
  await page.screenshot({ path: join(pictures, 'chat-820-dark.png'), fullPage: true });
  assert.deepEqual(await violationsOn(page), []);

  backend.script = {
    deltas: (function* () {
      for (;;) yield 'on and ';
    })(),
    pause: 20,
  };
  await ask(page, 'Go on.');
  await until(async () => backend.requests.length === 2 && backend.received.pulled > 2);
  await page.keyboard.press('Escape');
  await backend.received.ended;
  await until(async () => (await page.locator('#ask button').textContent()) === 'Send');
  await page.close();
});

test('a new chat knows nothing of the old one, and a question without an answer comes back to be asked again', {
  skip,
}, async () => {
  assert.ok(browser);
  const backend = new FakeBackend();
  await using fake = await scripted(backend);
  const { page } = await openPage(browser, `${fake.url}/ui`, { width: 390, colours: 'light' });
  await page.waitForSelector('#chat option', { state: 'attached' });
  const on = function* (): Generator<string> {
    for (;;) yield 'on and ';
  };
  backend.script = { deltas: on(), pause: 20 };
  await ask(page, 'Go on.');
  await until(async () => backend.requests.length === 1 && backend.received.pulled > 2);
  await page.getByRole('button', { name: 'New chat' }).click();
  await backend.received.ended;
  backend.script = { deltas: ['Plums.'] };
  await ask(page, 'Which fruits?');
  await until(async () => (await page.locator('#log').textContent())?.includes('Plums.') === true);
  const contents = ({ request }: (typeof backend)['received']): readonly string[] =>
    ('messages' in request.prompt ? request.prompt.messages : []).map(({ content }) => `${content}`);
  assert.deepEqual(contents(backend.received), ['Which fruits?']);

  backend.script = { deltas: [], refusal: new Error('no luck') };
  await ask(page, 'Are you sure?');
  await until(async () => (await page.inputValue('#text')) === 'Are you sure?');
  backend.script = { deltas: ['Yes.'] };
  await page.keyboard.press('Enter');
  await until(async () => (await page.locator('#log').textContent())?.includes('Yes.') === true);
  assert.deepEqual(contents(backend.received), ['Which fruits?', 'Plums.', 'Are you sure?']);
  await page.close();
});

test('the page of a benchmark shows its figures by itself, in both colours', { skip }, async () => {
  assert.ok(browser);
  using folder = tempFolder();
  const html = folder.file('bench.html');
  const few = ['--tokens', '2', '--prompt-tokens', '8', '--rounds', '1', '--threads', '1', '--html', html];
  const { code, stderr } = await run(['bench', model, '--memory-budget', '192M', '--ctx', '512', ...few]);
  assert.equal(code, 0, stderr);
  for (const [width, colours] of [
    [390, 'dark'],
    [1440, 'light'],
  ] as const) {
    const { page, troubles } = await openPage(browser, pathToFileURL(html).href, { width, colours });
    await page.screenshot({ path: join(pictures, `bench-${width}-${colours}.png`), fullPage: true });
    assert.deepEqual(troubles, []);
    assert.deepEqual(await violationsOn(page), []);
    const text = await page.innerText('main');
    for (const shown of ['fraction of limit', 'The last token took', 'resident weights', 'stream for each token']) {
      assert.ok(text.includes(shown), shown);
    }
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
    await page.close();
  }
});
