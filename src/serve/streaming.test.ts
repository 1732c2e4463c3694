import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { clientOf, streamed, type Write } from './streaming.ts';

const streaming = { contentType: 'text/event-stream', keepAlive: ': ping\n\n' };

const respond = (produce: (write: Write) => Promise<void>, interval?: number): Response =>
  streamed(new AbortController(), { ...streaming, interval }, produce);

const readerOf = (response: Response): ReadableStreamDefaultReader<Uint8Array> => {
  assert.ok(response.body);
  return response.body.getReader();
};

const decode = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** Never settles. */
const forever = (): Promise<void> => new Promise(() => {});

test('what is written arrives in order and unchanged', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme', minLength: 1 })), async (texts) => {
      const response = respond(async (write) => {
        for (const text of texts) await write(text);
      });
      assert.equal(await response.text(), texts.join(''));
    }),
  );
});

test('the headers are there before anything is written', async () => {
  const response = respond(forever);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  assert.equal(response.headers.get('x-accel-buffering'), 'no');
  await response.body?.cancel();
});

test('a write waits until the client reads', async () => {
  let written = 0;
  const response = respond(async (write) => {
    for (;;) {
      await write('some');
      written += 1;
    }
  });
  const reader = readerOf(response);
  await sleep(10);
  assert.equal(written, 0);
  for (const reads of [1, 2, 3]) {
    assert.equal(decode((await reader.read()).value), 'some');
    await sleep(5);
    assert.equal(written, reads);
  }
  await reader.cancel();
});

test('a client that reads nothing is cut off, one that reads slowly is not', async () => {
  const answer = async (write: Write): Promise<void> => {
    for (let n = 0; n < 4; n += 1) await write(`${n}`);
  };
  const client = new AbortController();
  const unread = streamed(client, { ...streaming, patience: 20 }, answer);
  await sleep(100);
  assert.ok(client.signal.aborted);
  await assert.rejects(unread.text(), /reads nothing/);

  const reader = readerOf(streamed(new AbortController(), { ...streaming, patience: 2000 }, answer));
  const texts: string[] = [];
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    texts.push(decode(next.value));
    await sleep(20);
  }
  assert.equal(texts.join(''), '0123');
});

test('silence is broken as often as the interval says', async () => {
  const response = respond(async (write) => {
    await sleep(110);
    await write('data');
  }, 20);
  const text = await response.text();
  assert.match(text, /^(?:: ping\n\n){2,6}data$/);
});

test('where something is written in time, nothing else is', async () => {
  const response = respond(async (write) => {
    for (let i = 0; i < 6; i += 1) {
      await sleep(15);
      await write('.');
    }
  }, 1000);
  assert.equal(await response.text(), '......');
});

test('a client that does not read is sent no keep-alive bytes to heap up', async () => {
  const response = respond(async (write) => {
    await sleep(60);
    await write('data');
  }, 5);
  await sleep(80);
  assert.equal(await response.text(), 'data');
});

test('cancelling the body aborts the client, and a write that waits rejects', async () => {
  const client = new AbortController();
  let failure: unknown;
  const response = streamed(client, streaming, async (write) => {
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
  await sleep(1);
  assert.equal((failure as Error).name, 'AbortError');
});

test('a client whose connection closes ends the body', async () => {
  const connection = new AbortController();
  const client = clientOf(new Request('http://localhost/', { signal: connection.signal }));
  const response = streamed(client, streaming, async (write) => {
    for (;;) {
      await write('some');
      await sleep(1, undefined, { signal: client.signal });
    }
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
  const response = streamed(client, streaming, (write) => write('never'));
  assert.equal(await response.text(), '');
});

test('a producer that fails cuts the connection', async () => {
  const response = respond(async (write) => {
    await write('half');
    throw new Error('no more');
  });
  const reader = readerOf(response);
  assert.equal(decode((await reader.read()).value), 'half');
  await assert.rejects(reader.read(), /no more/);
});
