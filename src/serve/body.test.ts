import assert from 'node:assert/strict';
import test from 'node:test';
import * as z from 'zod';
import { served } from '../../test/support/served.ts';
import { jsonBody } from './body.ts';
import { holdOf } from './holds.ts';
import { Refusal } from './refusal.ts';

const sent = (body: string | ReadableStream<Uint8Array>, headers: Record<string, string> = {}): { raw: Request } => ({
  raw: new Request('http://localhost/', { method: 'POST', body, headers, duplex: 'half' }),
});
const read = async <T>(request: { raw: Request }, schema: z.ZodType<T>): Promise<T> => {
  using _ = holdOf(request.raw);
  return await jsonBody(request, schema);
};
const refused = async (body: string | ReadableStream<Uint8Array>, schema: z.ZodType): Promise<Refusal> => {
  const error = await read(sent(body), schema).catch((error: unknown) => error);
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
  assert.equal((await refused('{"a":5}', schema)).message, 'a: expected one text or several');
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
    [250_000, '""'],
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

test('many large bodies at once are refused, and taken again when there are fewer', async () => {
  const { app } = served();
  const bytes = new Uint8Array(8 * 2 ** 20).fill(32);
  const held: ReadableStreamDefaultController<Uint8Array>[] = [];
  const post = (body: string | ReadableStream<Uint8Array>): Promise<Response> =>
    Promise.resolve(app.request('/tokenize', { method: 'POST', body, duplex: 'half' } as RequestInit));
  const holding = Array.from({ length: 2 }, () => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(bytes);
        held.push(controller);
      },
    });
    return post(body);
  });
  await new Promise((resolve) => setImmediate(resolve));
  const large = JSON.stringify({ content: 'x'.repeat(2 ** 20 - 1) });
  const refusal = await post(large.padEnd(8 * 2 ** 20));
  assert.equal(refusal.status, 503);
  assert.match(await refusal.text(), /too many large requests/);
  assert.equal(await (await post('{"content":"x"}')).text(), '{"tokens":[120]}');
  for (const controller of held) controller.close();
  for (const response of await Promise.all(holding)) assert.match(await response.text(), /missing request body/);
  assert.equal(await (await post('{"content":"x"}'.padEnd(8 * 2 ** 20))).text(), '{"tokens":[120]}');
});
