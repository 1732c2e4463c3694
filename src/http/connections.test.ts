import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import test from 'node:test';
import { Connections, connectionLimit, mostFiles } from './connections.ts';

/** A server of few places that answers nobody until it is told to. */
class Slow implements AsyncDisposable {
  readonly server: Server;
  readonly waiting: ServerResponse[] = [];
  readonly #connections: Connections;

  private constructor(places: number) {
    this.server = createServer((request, response) => {
      // The body is read whatever comes.
      request.on('error', () => {}).resume();
      this.waiting.push(response);
    });
    this.#connections = new Connections(this.server, places);
  }

  static async open(places: number): Promise<Slow> {
    const slow = new Slow(places);
    slow.server.listen(0, '127.0.0.1');
    await once(slow.server, 'listening');
    return slow;
  }

  /** A connection that sends some of a request, or all of it. */
  async connect(sent = ''): Promise<Socket & { readonly gone: Promise<void> }> {
    const { port } = this.server.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port });
    const gone = new Promise<void>((resolve) => socket.on('error', () => {}).once('close', () => resolve()));
    const accepted = once(this.server, 'connection');
    await Promise.all([once(socket, 'connect'), accepted]);
    const asks = sent === '' || /^POST/.test(sent) ? undefined : once(this.server, 'request');
    socket.write(sent);
    await asks;
    return Object.assign(socket, { gone });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    this.#connections.cut();
    await once(this.server, 'close');
  }
}

const asking = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const halfBody = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome';

test('where places run out, the oldest connection that waits for no answer is ended', async () => {
  await using slow = await Slow.open(3);
  const waiting = await slow.connect(asking);
  const oldest = await slow.connect();
  const younger = await slow.connect();
  const newcomer = await slow.connect(asking);
  await oldest.gone;
  assert.ok([waiting, younger, newcomer].every(({ closed }) => !closed));
  const later = await slow.connect(asking);
  await younger.gone;
  for (const response of slow.waiting) response.end('answer');
  for (const socket of [waiting, newcomer, later]) assert.match(await text(socket), /answer$/);
});

test('a part of a request is no claim to a place, whole headers or not', async () => {
  await using slow = await Slow.open(2);
  const headers = await slow.connect('POST / HTTP/1.1\r\nHo');
  const body = await slow.connect(halfBody);
  await slow.connect(asking);
  await headers.gone;
  await slow.connect(asking);
  await body.gone;
});

test('where all wait for answers, a newcomer is told to come again', async () => {
  await using slow = await Slow.open(2);
  const waiting = [await slow.connect(asking), await slow.connect(asking)];
  assert.match(await text(await slow.connect()), /^HTTP\/1\.1 503 /);
  for (const response of slow.waiting) response.end('answer');
  for (const socket of waiting) assert.match(await text(socket), /answer$/);
});

test('there are as many places as the process may have files, less some for itself', () => {
  assert.deepEqual([40, 100, 1024, 1_048_576, Number.POSITIVE_INFINITY].map(connectionLimit), [8, 36, 960, 1024, 1024]);
  assert.ok(mostFiles() > 0);
});

test('a process of few files can tell how many', { skip: process.platform === 'win32' }, () => {
  const script = `import(${JSON.stringify(new URL('connections.ts', import.meta.url))}).then((m) => console.log(m.mostFiles()))`;
  const node = [process.execPath, '--import', 'tsx', '-e', script].map((word) => `'${word}'`).join(' ');
  assert.equal(execFileSync('sh', ['-c', `ulimit -n 500; exec ${node}`], { encoding: 'utf8' }), '500\n');
});
