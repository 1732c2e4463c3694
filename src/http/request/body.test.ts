import assert from 'node:assert/strict';
import test from 'node:test';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import * as z from 'zod';
import { served } from '../../../test/support/served.ts';
import { Refusal } from '../refusal.ts';
import { jsonBody } from './body.ts';
import { reservationOf } from './reservations.ts';

const sent = (
  body: string | Uint8Array | ReadableStream<Uint8Array>,
  headers: Record<string, string> = {},
): { raw: Request } => ({
  raw: new Request('http://localhost/', { method: 'POST', body, headers, duplex: 'half' }),
});
const read = async <T>(request: { raw: Request }, schema: z.ZodType<T>): Promise<T> => {
  using _ = reservationOf(request.raw);
  return await jsonBody(request, schema, 'strict');
};
const refused = async (
  body: Parameters<typeof sent>[0],
  schema: z.ZodType,
  headers: Record<string, string> = {},
): Promise<Refusal> => {
  const error = await read(sent(body, headers), schema).catch((error: unknown) => error);
  assert.ok(error instanceof Refusal);
  return error;
};

test('a body is read as the schema has it, in however many pieces it comes', async () => {
  const bytes = new TextEncoder().encode('\uFEFF{"text":"Grüße"}');
  const pieces = new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const schema = z.looseObject({ text: z.string() });
  assert.deepEqual(await read(sent(pieces), schema), { text: 'Grüße' });
});

test('what is wrong is told by its place', async () => {
  const schema = z.looseObject({ a: z.array(z.looseObject({ b: z.int() })) });
  const { status, param, message } = await refused('{"a":[{"b":1},{"b":"x"}]}', schema);
  assert.deepEqual([status, param], [400, 'a[1].b']);
  assert.match(message, /^a\[1\]\.b: /);
  assert.equal((await refused('5', schema)).param, null);
});

test('of several forms, what is wrong is told of the one that the body resembles most', async () => {
  const schema = z.looseObject({ a: z.union([z.string(), z.array(z.string())], 'expected one text or several') });
  assert.equal((await refused('{"a":["x",5]}', schema)).param, 'a[1]');
  assert.equal((await refused('{"a":5}', schema)).message, 'a: expected one text or several, not 5');
});

test('a body that is missing or no JSON is refused', async () => {
  assert.equal((await refused('', z.unknown())).message, 'missing request body');
  assert.equal((await refused(' \n', z.unknown())).code, 'missing_body');
  assert.match((await refused('{"a":', z.unknown())).message, /^the body is not JSON: /);
});

test('a body of more than 8 MiB is refused, whether it tells its length or not', async () => {
  const { app } = served();
  const large = 'x'.repeat(8 * 2 ** 20 + 1);
  for (const headers of [{ 'content-length': `${large.length}` }, undefined]) {
    const response = await app.request('/v1/completions', { method: 'POST', body: large, ...(headers && { headers }) });
    assert.equal(response.status, 413);
    assert.deepEqual(await response.json(), {
      error: {
        message: 'the body is larger than 8388608 bytes',
        type: 'invalid_request_error',
        param: null,
        code: 'body_too_large',
      },
    });
  }
  const other = await app.request('/api/chat', { method: 'POST', body: large });
  assert.deepEqual(await other.json(), { error: 'the body is larger than 8388608 bytes' });
});

test('a body that is nested without end is refused before it takes memory; brackets in texts are texts', async () => {
  const nested = (levels: number): string => `${'[{"a":'.repeat(levels)}1${'}]'.repeat(levels)}`;
  assert.ok(await read(sent(nested(128)), z.unknown()));
  const { status, message } = await refused(nested(129), z.unknown());
  assert.deepEqual([status, message], [400, 'the body is nested deeper than 256 levels']);
  const text = '[{\\"'.repeat(999);
  assert.deepEqual(await read(sent(JSON.stringify({ text })), z.unknown()), { text });
});

test('a body of too many values is refused before it takes memory; values in texts are texts', async () => {
  const many = (count: number, value: string): string => `[${Array(count).fill(value).join(',')}]`;
  for (const [count, value] of [
    [1_100_000, '1'],
    [125_000, '""'],
    [120_000, '{}'],
    [120_000, '[]'],
  ] as const) {
    const { status, code } = await refused(many(count, value), z.unknown());
    assert.deepEqual([status, code], [413, 'too_many_values']);
    assert.ok(await read(sent(many(count / 2, value)), z.unknown()));
  }
  const text = many(700_000, '{},"\\"');
  assert.deepEqual(await read(sent(JSON.stringify({ text })), z.unknown()), { text });
});

/** A body of which `bytes` come, and the rest when it is told to. */
function stalling(bytes: Uint8Array): { body: ReadableStream<Uint8Array>; end: () => void } {
  let end = (): void => {};
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      controller.enqueue(bytes);
      end = () => controller.close();
    },
  });
  return { body, end: () => end() };
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

test('large bodies that do not come make room for others, the slowest first', async () => {
  const { app } = served();
  const post = (body: string | ReadableStream<Uint8Array>): Promise<Response> =>
    Promise.resolve(app.request('/tokenize', { method: 'POST', body, duplex: 'half' } as RequestInit));
  const bytes = new Uint8Array(5 * 2 ** 20).fill(32);
  const stalled = [stalling(bytes), stalling(bytes), stalling(bytes)];
  const responses: Promise<Response>[] = [];
  for (const { body } of stalled) {
    responses.push(post(body));
    await settle();
  }
  assert.equal(await (await post('{"content":"x"}'.padEnd(5 * 2 ** 20))).text(), '{"tokens":[120]}');
  for (const { end } of stalled) end();
  const ends = await Promise.all(
    responses.map(async (response) => [(await response).status, await (await response).text()] as const),
  );
  assert.deepEqual(
    ends.map(([status]) => status),
    [503, 400, 400],
  );
  assert.match(ends[0]?.[1] ?? '', /others needed its room/);
});

test('bodies that wait for their answers keep their room, and newcomers are told to come again', async () => {
  const server = served();
  const { app, backend } = server;
  backend.script = { deltas: ['x'], wait: 1_000_000 };
  const large = JSON.stringify({ prompt: 'Hi' }).padEnd(7 * 2 ** 20);
  const client = new AbortController();
  const post = (body: string): Promise<Response> =>
    Promise.resolve(app.request('/api/generate', { method: 'POST', body, signal: client.signal }));
  const waiting = [post(large), post(large)];
  await backend.made(2);
  const refusal = await post(large);
  assert.equal(refusal.status, 503);
  assert.match(await refusal.text(), /too many large requests/);
  client.abort();
  assert.deepEqual(
    (await Promise.all(waiting)).map(({ status }) => status),
    [499, 499],
  );
});

test('a compressed body is read as what it was, and its limit is that of what it was', async () => {
  const schema = z.looseObject({ a: z.int() });
  const json = Buffer.from('{"a":1}');
  for (const [encoding, body] of [
    ['gzip', gzipSync(json)],
    ['GZIP', gzipSync(json)],
    ['x-gzip', gzipSync(json)],
    ['deflate', deflateSync(json)],
    ['br', brotliCompressSync(json)],
    ['identity', json],
    ['gzip, br', brotliCompressSync(gzipSync(json))],
  ] as const) {
    assert.deepEqual(await read(sent(body, { 'content-encoding': encoding }), schema), { a: 1 }, encoding);
  }
  const bomb = Buffer.alloc(64 * 2 ** 20, 32);
  for (const [encoding, body] of [
    ['gzip', gzipSync(bomb)],
    ['br', brotliCompressSync(bomb, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
    ['gzip, gzip', gzipSync(gzipSync(bomb))],
  ] as const) {
    const { status, code } = await refused(body, z.unknown(), { 'content-encoding': encoding });
    assert.deepEqual([status, code], [413, 'body_too_large'], encoding);
  }
});

test('a body that is compressed in another way, or not as it says, is refused without a byte of it', async () => {
  const json = Buffer.from('{"secret":1}');
  for (const [encoding, body, status] of [
    ['compress', json, 415],
    ['gzip, gzip, gzip', json, 415],
    ['__proto__', json, 415],
    ['gzip', json, 400],
    ['deflate', gzipSync(json), 400],
    ['br', json, 400],
    ['gzip', gzipSync(json).subarray(0, 12), 400],
    ['', gzipSync(json), 400],
    ['', Buffer.from('{"a":secret}'), 400],
  ] as const) {
    const { status: found, message } = await refused(body, z.unknown(), { 'content-encoding': encoding });
    assert.equal(found, status, message);
    assert.match(message, /^[ -~]+$/);
    assert.ok(!message.includes('secret') && !message.includes('\\u'), message);
  }
});
