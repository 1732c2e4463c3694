import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import fc from 'fast-check';
import { clientOf, type Streaming, type StreamTimeouts, streamed, type Write } from './streaming.ts';

const streaming: Streaming = {
  contentType: 'text/event-stream',
  keepAlive: () => ': ping\n\n',
  failed: (error) => `error: ${(error as Error).message}`,
};

const respond = (produce: (write: Write) => Promise<void>, timeouts: StreamTimeouts = {}): Promise<Response> =>
  streamed(new AbortController(), { ...streaming, ...timeouts }, produce);

const readerOf = (response: Response): ReadableStreamDefaultReader<Uint8Array> => {
  assert.ok(response.body);
  return response.body.getReader();
};

const decode = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** Never settles. */
const forever = (): Promise<void> => new Promise(() => {});

/** Until everything that waits for no clock has happened. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
}

/** A clock that goes on only when it is told to. */
function clock(t: TestContext): {
  pass(milliseconds: number): Promise<void>;
  wait(milliseconds: number): Promise<void>;
} {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const pass = async (milliseconds: number): Promise<void> => {
    for (let ms = 0; ms < milliseconds; ms += 1) {
      t.mock.timers.tick(1);
      await settle();
    }
  };
  const wait = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => {
      setTimeout(resolve, milliseconds);
    });
  return { pass, wait };
}

/** The part of a response that has come so far. */
function watched(response: Promise<Response>): { status?: number; text: string; over: boolean; failure?: unknown } {
  const seen: ReturnType<typeof watched> = { text: '', over: false };
  const read = async (): Promise<void> => {
    const { status, body } = await response;
    seen.status = status;
    for await (const bytes of body ?? []) seen.text += decode(bytes);
  };
  read()
    .catch((error: unknown) => {
      seen.failure = error;
    })
    .finally(() => {
      seen.over = true;
    });
  return seen;
}

test('what is written arrives in order and unchanged', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme', minLength: 1 })), async (texts) => {
      const response = await respond(async (write) => {
        for (const text of texts) await write(text);
      });
      assert.equal(await response.text(), texts.join(''));
    }),
  );
});

test('headers wait for the first byte, at most as long as silence may last', async (t) => {
  const { pass, wait } = clock(t);
  const early = watched(
    respond(
      async (write) => {
        await wait(5);
        await write('some');
        await forever();
      },
      { firstByte: 10 },
    ),
  );
  const late = watched(respond(forever, { firstByte: 10, interval: 3 }));
  await pass(4);
  assert.deepEqual([early.status, late.status], [undefined, undefined]);
  await pass(1);
  assert.deepEqual([early.status, early.text, late.status], [200, 'some', undefined]);
  await pass(5);
  assert.deepEqual([late.status, late.text], [200, '']);
  await pass(6);
  assert.equal(late.text, ': ping\n\n: ping\n\n');
});

test('a response is of its kind, and no proxy heaps it up', async () => {
  const { headers, body } = await respond((write) => write('some'));
  assert.equal(headers.get('content-type'), 'text/event-stream');
  assert.equal(headers.get('cache-control'), 'no-cache');
  assert.equal(headers.get('x-accel-buffering'), 'no');
  await body?.cancel();
});

test('a failure before the headers is the caller’s, one after them ends the body', async (t) => {
  const { pass, wait } = clock(t);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 12 }), fc.nat(3), async (after, writes) => {
      const firstByte = 6;
      const seen = watched(
        respond(
          async (write) => {
            for (let n = 0; n < writes; n += 1) await write('a');
            await wait(after);
            throw new Error('no more');
          },
          { firstByte, interval: 1000 },
        ),
      );
      await settle();
      await pass(13);
      assert.ok(seen.over);
      const begun = writes > 0 || after >= firstByte;
      if (begun) assert.deepEqual([seen.status, seen.text], [200, `${'a'.repeat(writes)}error: no more`]);
      else assert.deepEqual([seen.status, (seen.failure as Error).message], [undefined, 'no more']);
    }),
    { numRuns: 40 },
  );
});

test('a body of nothing has its headers', async () => {
  const response = await respond(async () => {});
  assert.deepEqual([response.status, await response.text()], [200, '']);
});

test('a write waits until the client reads', async () => {
  let written = 0;
  const response = await respond(async (write) => {
    for (;;) {
      await write('some');
      written += 1;
    }
  });
  const reader = readerOf(response);
  await settle();
  assert.equal(written, 0);
  for (const reads of [1, 2, 3]) {
    assert.equal(decode((await reader.read()).value), 'some');
    await settle();
    assert.equal(written, reads);
  }
  await reader.cancel();
});

test('a client that reads nothing is cut off, one that reads slowly is not', async (t) => {
  const { pass } = clock(t);
  const answer = async (write: Write): Promise<void> => {
    for (let n = 0; n < 4; n += 1) await write(`${n}`);
  };
  const client = new AbortController();
  const unread = await streamed(client, { ...streaming, patience: 20 }, answer);
  await pass(19);
  assert.equal(client.signal.aborted, false);
  await pass(1);
  assert.ok(client.signal.aborted);
  await assert.rejects(unread.text(), /reads nothing/);

  const reader = readerOf(await streamed(new AbortController(), { ...streaming, patience: 20 }, answer));
  const texts: string[] = [];
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    texts.push(decode(next.value));
    await pass(15);
  }
  assert.equal(texts.join(''), '0123');
});

test('silence is broken as often as the interval says, and only then', async (t) => {
  const { pass, wait } = clock(t);
  const seen = watched(
    respond(
      async (write) => {
        await write('a');
        await wait(9);
        await write('b');
        await wait(25);
        await write('c');
      },
      { interval: 10 },
    ),
  );
  await settle();
  await pass(40);
  assert.equal(seen.text, 'ab: ping\n\n: ping\n\nc');
  assert.ok(seen.over);
});

test('a client that does not read is sent no keep-alive bytes to heap up', async (t) => {
  const { pass, wait } = clock(t);
  const response = await respond(
    async (write) => {
      await write('a');
      await wait(60);
      await write('b');
    },
    { interval: 5 },
  );
  const reader = readerOf(response);
  await reader.read();
  await pass(50);
  const next = reader.read();
  await pass(5);
  assert.equal(decode((await next).value), ': ping\n\n');
  await pass(30);
  assert.equal(decode((await reader.read()).value), 'b');
});

test('cancelling the body aborts the client, and a write that waits rejects', async () => {
  const client = new AbortController();
  let failure: unknown;
  const response = await streamed(client, streaming, async (write) => {
    await write('first');
    await write('second').catch((error: unknown) => {
      failure = error;
      throw error;
    });
  });
  const reader = readerOf(response);
  await reader.read();
  assert.equal(client.signal.aborted, false);
  await reader.cancel();
  assert.equal(client.signal.aborted, true);
  await settle();
  assert.equal((failure as Error).name, 'AbortError');
});

test('a client whose connection closes ends the body', async () => {
  const connection = new AbortController();
  const client = clientOf(new Request('http://localhost/', { signal: connection.signal }));
  const response = await streamed(client, streaming, async (write) => {
    for (;;) await write('some');
  });
  const reader = readerOf(response);
  await reader.read();
  connection.abort('the reason is a string where @hono/node-server aborts');
  assert.ok(client.signal.reason instanceof Error);
  while (!(await reader.read()).done);
});

test('a client that has gone before is gone', async () => {
  const client = clientOf(new Request('http://localhost/', { signal: AbortSignal.abort() }));
  assert.equal(client.signal.aborted, true);
  const produce = async (): Promise<void> => client.signal.throwIfAborted();
  await assert.rejects(streamed(client, streaming, produce), { name: 'AbortError' });
});
