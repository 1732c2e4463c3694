import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { chatContext as context, writeChatModel } from './support/chat-model.ts';
import { connection, garbageFor, send } from './support/garbage.ts';
import { descriptorsOf, peakMemory, until } from './support/processes.ts';
import { frugal, metric, postTo, type Server, serve } from './support/server.ts';
import { sharedPath } from './support/temp-folder.ts';

const path = writeChatModel(sharedPath('chat.gguf'));
const model = 'chat:latest';
const machine = [...frugal, '--ctx', `${context}`];
const budget = 400 * 2 ** 20;
/** Memory of the process that speaks HTTP, beside the budget of its engine. */
const overhead = 256 * 2 ** 20;
const linux = { skip: process.platform !== 'linux' };

const options = { temperature: 0, num_predict: 5 };
const openai = { model, temperature: 0, max_tokens: 5 };
const user = (content: string): readonly object[] => [{ role: 'user', content }];

/** A way to ask for the same answer. */
interface Form {
  readonly path: string;
  body(prompt: string): object;
  /** The answer's text. */
  text(body: string): string;
}

const lines = (body: string): readonly string[] => body.split('\n').filter((line) => line.trim() !== '');
/** The data of server-sent events. */
const events = (body: string): readonly string[] =>
  lines(body).flatMap((line) => (line.startsWith('data: {') ? [line.slice('data: '.length)] : []));
const joined = (parts: readonly string[], text: (part: string) => string | undefined): string =>
  parts.map((part) => text(part) ?? '').join('');

const chats: readonly Form[] = [
  {
    path: '/api/chat',
    body: (prompt) => ({ model, messages: user(prompt), options }),
    text: (body) =>
      joined(lines(body), (line) => (JSON.parse(line) as { message: { content: string } }).message.content),
  },
  {
    path: '/api/generate',
    body: (prompt) => ({ model, prompt, options, stream: false }),
    text: (body) => (JSON.parse(body) as { response: string }).response,
  },
  {
    path: '/v1/chat/completions',
    body: (prompt) => ({ ...openai, messages: user(prompt), stream: true }),
    text: (body) =>
      joined(
        events(body),
        (event) => (JSON.parse(event) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content,
      ),
  },
];
const texts: readonly Form[] = [
  {
    path: '/api/generate',
    body: (prompt) => ({ model, prompt, options, raw: true }),
    text: (body) => joined(lines(body), (line) => (JSON.parse(line) as { response: string }).response),
  },
  {
    path: '/v1/completions',
    body: (prompt) => ({ ...openai, prompt }),
    text: (body) => (JSON.parse(body) as { choices: { text: string }[] }).choices[0]?.text ?? '',
  },
];

const questions = ['Why is the sky blue?', 'Name three colors.', 'Say hello in French.'];
const beginnings = [
  'The sky is blue because',
  'Once upon a time there was a lighthouse',
  'def fibonacci(n):',
  'Die Hauptstadt von Frankreich ist',
  '1, 2, 3, 4, 5,',
  `${'The weather in the mountains changes quickly. '.repeat(7)}Therefore`,
];
const wanted = [
  ...questions.flatMap((prompt) => chats.map((form) => ({ form, prompt }))),
  ...beginnings.flatMap((prompt) => texts.map((form) => ({ form, prompt }))),
];

/** A connection for each request: none is left open. */
const headers = { connection: 'close' };

async function ask(server: Server, { form, prompt }: (typeof wanted)[number]): Promise<string> {
  const response = await postTo(server, form.path, form.body(prompt), { headers });
  const body = await response.text();
  assert.equal(response.status, 200, body);
  return form.text(body);
}

/** Asks for a long answer and leaves after some of it, or while it waits. */
async function leave(server: Server, delay: number): Promise<void> {
  const abort = new AbortController();
  const body = { model, prompt: 'Once upon a time', raw: true, options: { num_predict: 4000 } };
  const response = postTo(server, '/api/generate', body, { headers, signal: abort.signal });
  if (delay > 0) void sleep(delay).then(() => abort.abort());
  await response.then(
    async ({ body }) => {
      const reader = body?.getReader();
      await reader?.read();
      abort.abort();
    },
    () => {},
  );
}

/** Asks for an answer with much about each token, reads nothing, and goes when `over` has resolved. */
async function neverRead(server: Server, over: Promise<unknown>): Promise<void> {
  const socket = connection(server.port);
  const answer = { raw: true, logprobs: true, top_logprobs: 20, options: { num_predict: 20 } };
  const body = JSON.stringify({ model, prompt: 'Go on.', ...answer });
  socket.write(`POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await over;
  socket.destroy();
}

test('of a hundred clients at once the proper ones are answered, and nothing is left behind', linux, async () => {
  await using server = await serve([path, ...machine, '--parallel', '4', '--max-queue', '96']);
  const { pid = 0 } = server.child;
  const alone = new Map<string, string>();
  for (const one of wanted) if (!alone.has(one.prompt)) alone.set(one.prompt, await ask(server, one));
  assert.ok(new Set(alone.values()).size > 5);
  const [engine = 0] = server.engines();
  const before = [descriptorsOf(pid), descriptorsOf(engine)];

  const proper = Array.from({ length: 70 }, (_, i) => wanted[i % wanted.length] ?? assert.fail());
  const answering = Promise.all(proper.map((one) => ask(server, one)));
  const over = answering.catch(() => {});
  const garbage = garbageFor(model);
  const others = [
    ...Array.from({ length: 10 }, (_, i) => leave(server, (i % 2) * 30 * i)),
    ...Array.from({ length: 4 }, () => neverRead(server, over)),
    ...garbage.map((one) => send(server.port, one, over).then((status) => assert.equal(status, one.status, one.name))),
  ];
  assert.equal(proper.length + others.length, 100);
  const [answers] = await Promise.all([answering, ...others]);
  assert.deepEqual(
    answers,
    proper.map(({ prompt }) => alone.get(prompt)),
  );

  await until(async () => (await metric(server, 'requests_pending')) === 0);
  assert.ok((await metric(server, 'requests_total{outcome="cancelled"}')) >= 5);
  assert.deepEqual(server.engines(), [engine], 'it is still the same engine');
  for (const one of wanted.slice(0, 3)) assert.equal(await ask(server, one), alone.get(one.prompt));
  await until(() => descriptorsOf(pid) <= (before[0] ?? 0) && descriptorsOf(engine) <= (before[1] ?? 0));
  assert.doesNotMatch(server.said(), /Warning|"level":50/);
  const peaks = [peakMemory(pid), peakMemory(engine)].map((bytes) => Math.round(bytes / 2 ** 20));
  assert.ok((peaks[0] ?? 0) * 2 ** 20 <= overhead && (peaks[1] ?? 0) * 2 ** 20 <= budget, `peaks of ${peaks} MiB`);
});

test('who finds the queue full gets 503 in the words of either API, and the others their answers', async () => {
  await using server = await serve([path, ...machine, '--parallel', '1', '--max-queue', '2']);
  const long = { model, prompt: 'Count.', raw: true, options: { temperature: 0, num_predict: 1000 } };
  const answers = Array.from({ length: 3 }, () => postTo(server, '/api/generate', long).then((r) => r.text()));
  await until(async () => (await metric(server, 'requests_pending')) === 3);
  const ollama = await postTo(server, '/api/chat', { model, messages: user('Hello') });
  assert.equal(ollama.status, 503);
  assert.deepEqual(await ollama.json(), {
    error: 'server busy, please try again.  maximum pending requests exceeded',
  });
  const other = await postTo(server, '/v1/completions', { ...openai, prompt: 'Hello' });
  assert.equal(other.status, 503);
  assert.equal(((await other.json()) as { error: { code: string } }).error.code, 'server_busy');
  for (const text of await Promise.all(answers)) assert.match(text, /"done":true,"done_reason":"length"/);
  assert.equal((await postTo(server, '/v1/completions', { ...openai, prompt: 'Hello' })).status, 200);
});
