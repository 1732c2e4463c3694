import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { deferred } from '../../support/deferred.ts';
import { descriptorsOf, until } from '../../support/processes.ts';
import { metric } from '../../support/server.ts';
import { type Attack, type AttackOptions, Dice, Ledger, type Toll } from './attack.ts';
import { answered, type Victim, victim, victimModel } from './victim.ts';

/** Answers that their clients do not wait for: they leave at any moment, politely or not, or read nothing. */
export const cutStreams: Attack = {
  name: 'cut streams',
  count: 500,
  run: (options) => tryCrowds(options, { size: 20, client: cutStream, proper: shortIsAnswered }),
};

/** Requests that come byte by byte, or not to their end. */
export const slowBodies: Attack = {
  name: 'slow bodies',
  count: 300,
  run: (options) => tryCrowds(options, { size: 150, client: slowBody, proper: largeIsAnswered }),
};

type Client = (target: Victim, dice: Dice, over: Promise<void>) => Promise<string>;

interface Crowd {
  /** Bad clients at once. */
  readonly size: number;
  readonly client: Client;
  /** Rejects unless a well-formed request is answered. */
  readonly proper: (target: Victim) => Promise<void>;
}

/**
 * Has many bad clients at once ask a server, while a proper one asks again and again: each crowd is over when that one
 * has had a few answers. In the end nothing is left of them.
 */
async function tryCrowds({ count, seed, from = 0 }: AttackOptions, { size, client, proper }: Crowd): Promise<Toll> {
  const ledger = new Ledger();
  await using target = await victim({ args: ['--max-queue', '200'] });
  const { pid = 0 } = target.server.child;
  const before = descriptorsOf(pid);
  for (let at = from; at < from + count; at += size) {
    const numbers = Array.from({ length: Math.min(size, from + count - at) }, (_, i) => at + i);
    const { promise: over, resolve: end } = deferred();
    const clients = numbers.map((number) => client(target, new Dice(`${seed} ${number}`), over));
    try {
      for (let answers = 0; answers < 3; answers += 1) await proper(target);
      end();
      const outcomes = await Promise.all(clients);
      await until(async () => (await metric(target.server, 'requests_pending')) === 0, 60_000);
      await target.check();
      for (const outcome of outcomes) ledger.survived(outcome);
    } catch (error) {
      // One of them, or all of them together.
      for (const number of numbers) ledger.fell(number, client.name, error);
    } finally {
      end();
      await Promise.allSettled(clients);
    }
  }
  await until(() => descriptorsOf(pid) <= before + 2, 60_000);
  return ledger.toll();
}

function opened({ server }: Victim): Socket {
  const socket = connect({ host: '127.0.0.1', port: Number(server.port) });
  socket.on('error', () => {});
  return socket;
}

const head = (path: string, length: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;

const streams = [
  ['/api/generate', { prompt: 'hello ', options: { num_predict: 40 } }],
  ['/api/chat', { messages: [{ role: 'user', content: 'hello' }], options: { num_predict: 40 } }],
  ['/v1/completions', { prompt: 'hello', max_tokens: 40, stream: true }],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hello' }], max_tokens: 40 }],
] as const;

const leaving = ['destroyed', 'reset', 'half closed', 'not read'] as const;

async function cutStream(target: Victim, dice: Dice, over: Promise<void>): Promise<string> {
  const [path, more] = dice.pick(streams);
  const way = dice.pick(leaving);
  const body = JSON.stringify({ model: victimModel, ...more });
  const socket = opened(target);
  socket.write(`${head(path, body.length)}${body}`);
  if (way === 'not read') {
    socket.pause();
    await over;
    socket.destroy();
    return way;
  }
  const bytes = dice.below(3) * dice.below(2000);
  let seen = 0;
  await new Promise<void>((resolve) => {
    socket.on('data', ({ length }) => {
      seen += length;
      if (seen >= bytes) resolve();
    });
    socket.on('close', resolve);
    // An answer may be shorter than that.
    void over.then(resolve);
    if (bytes === 0) void sleep(dice.below(60)).then(resolve);
  });
  if (way === 'half closed') socket.end();
  else if (way === 'reset') socket.resetAndDestroy();
  else socket.destroy();
  if (way === 'half closed') await over;
  socket.destroy();
  return way;
}

const slowness = [
  'headers without an end',
  'a body byte by byte',
  'a large body that stops',
  'chunks without an end',
] as const;

/** Bytes of a body that a server takes. */
const largest = 8 * 2 ** 20;

async function slowBody(target: Victim, dice: Dice, over: Promise<void>): Promise<string> {
  const way = dice.pick(slowness);
  const socket = opened(target).resume();
  let drip = 'x';
  if (way === 'headers without an end') socket.write('POST /api/chat HTTP/1.1\r\nHost: localhost\r\nX: ');
  else if (way === 'a body byte by byte') socket.write(head('/api/chat', 1000));
  else if (way === 'a large body that stops') {
    socket.write(head('/api/chat', largest));
    socket.write(Buffer.alloc(largest - 1 - dice.below(2) * dice.below(largest), ' '));
    drip = '';
  } else {
    socket.write('POST /api/chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
    drip = '1\r\nx\r\n';
  }
  const timer = setInterval(() => drip && socket.writable && socket.write(drip), 50 + dice.below(100));
  await over;
  clearInterval(timer);
  socket.destroy();
  return way;
}

const shortIsAnswered = ({ server }: Victim): Promise<void> => answered(server, { prompt: 'hello '.repeat(30) });

/** A body of half a megabyte is proper, too, whatever others have begun to send. */
async function largeIsAnswered({ server }: Victim): Promise<void> {
  const body = JSON.stringify({ model: victimModel, content: 'hello '.repeat(80_000) });
  const response = await fetch(`${server.url}/tokenize`, { method: 'POST', body, signal: AbortSignal.timeout(60_000) });
  const text = await response.text();
  assert.equal(response.status, 200, text.slice(0, 200));
}
