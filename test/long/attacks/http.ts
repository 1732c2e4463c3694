import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack } from './attack.ts';
import { type Shape, shapes } from './http-shapes.ts';
import { tryOnVictim } from './victim.ts';

/** Requests that are not HTTP, or that servers have been known to misunderstand, over plain sockets. */
export const http: Attack = {
  name: 'malformed HTTP',
  count: shapes.length,
  run(options) {
    const shape = (number: number): Shape => shapes[number % shapes.length] ?? assert.fail();
    return tryOnVictim(
      options,
      async (target, number) => {
        const { answers = Number.POSITIVE_INFINITY } = shape(number);
        await using sent = send(target.server.port, shape(number));
        const text = await sent.answer;
        const statuses = Array.from(text.matchAll(/HTTP\/1\.1 (\d{3})/g), ([, status]) => Number(status));
        assert.ok(statuses.length <= answers, `${statuses.length} answers`);
        assert.ok(!statuses.includes(500), text.slice(0, 500));
        assert.doesNotMatch(text, /root:|node_modules|\n\s+at /, 'it tells what it should not');
        return `${statuses[0] ?? 'no answer'}`;
      },
      (number) => shape(number).name,
    );
  },
};

/** Milliseconds that a connection may be silent before it counts as waiting for more. */
const silence = 300;

/** Sends a shape. `answer` resolves to what came when the connection ends, or waits for more. */
function send(port: string, { bytes, how }: Shape): AsyncDisposable & { readonly answer: Promise<string> } {
  const socket = connect({ host: '127.0.0.1', port: Number(port) }).setEncoding('latin1');
  let text = '';
  const answer = new Promise<string>((resolve) => {
    const quiet = setTimeout(() => resolve(text), silence);
    socket.on('data', (piece: string) => {
      text += piece;
      quiet.refresh();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(quiet);
      resolve(text);
    });
  });
  void write(socket, Buffer.from(bytes), how);
  return {
    answer,
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
}

async function write(socket: Socket, bytes: Buffer, how: Shape['how']): Promise<void> {
  if (how === 'drip') {
    for (const byte of bytes) {
      socket.write(Buffer.of(byte));
      await sleep(1);
    }
  } else socket.write(bytes);
  if (how === 'half-closed') socket.end();
  if (how === 'cut') {
    await sleep(20);
    socket.resetAndDestroy();
  }
}
