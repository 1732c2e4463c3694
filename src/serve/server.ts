import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { EngineError } from '../base/errors.ts';
import type { Address } from './address.ts';

/** How long a client may take, in milliseconds. */
export interface Patience {
  /** To send a request's headers, from the connection or the last answer on. */
  readonly headers: number;
  /** To send a whole request. */
  readonly request: number;
  /** Between an answer and the next request. */
  readonly idle: number;
  /** How often it is looked whether the time is over. */
  readonly check: number;
}

export interface ListenOptions extends Address {
  readonly patience?: Patience;
  /** Told of what goes wrong where no request is to blame, such as too many open files. */
  readonly onError?: (error: Error) => void;
}

export interface RunningServer {
  /** With the port that was taken, if any was asked for by 0. */
  readonly address: Address;
  /**
   * Takes no more connections, ends those that wait for no answer, and cuts the others after so many milliseconds. Called
   * again, it may cut them sooner. Resolves when all are gone.
   */
  close(grace: number): Promise<void>;
}

const usual: Patience = { headers: 15_000, request: 60_000, idle: 65_000, check: 5_000 };
/** More than wait in the queue and are answered; each takes a descriptor. */
const mostConnections = 1024;
/** Then a client whose machine has vanished is found out. */
const probeDelay = 30_000;

/** Rejects with PORT_IN_USE, or BAD_OPTION if this machine has no such address. */
export async function listen(app: Pick<Hono, 'fetch'>, options: ListenOptions): Promise<RunningServer> {
  const { host, port, patience = usual, onError = () => {} } = options;
  const server = createServer(
    {
      headersTimeout: patience.headers,
      requestTimeout: patience.request,
      keepAliveTimeout: patience.idle,
      connectionsCheckingInterval: patience.check,
      keepAlive: true,
      keepAliveInitialDelay: probeDelay,
    },
    getRequestListener(app.fetch, { overrideGlobalObjects: false }),
  );
  server.maxConnections = mostConnections;
  const connections = new Connections(server);
  await bound(server, { host, port });
  server.on('error', onError);
  const closed = new Promise<void>((resolve) => {
    server.on('close', resolve);
  });
  return {
    address: { host, port: (server.address() as AddressInfo).port },
    async close(grace) {
      if (server.listening) server.close();
      connections.leave();
      const timer = setTimeout(() => connections.cut(), grace);
      await closed;
      clearTimeout(timer);
    },
  };
}

function bound(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException): void => {
      const { code = cause.message } = cause;
      const expected = `an address of this machine that may be listened on (${code})`;
      const error =
        code === 'EADDRINUSE'
          ? new EngineError('PORT_IN_USE', { host, port }, { cause })
          : new EngineError(
              'BAD_OPTION',
              { option: '--host and --port', value: `${host} ${port}`, expected },
              { cause },
            );
      reject(error);
    };
    server.once('error', fail);
    server.listen({ host, port }, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

/** The connections of a server, with the number of answers that each still waits for. */
class Connections {
  readonly #waiting: Map<Socket, number> = new Map();
  #leaving = false;

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#waiting.set(socket, 0);
      socket.once('close', () => this.#waiting.delete(socket));
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      this.#count(socket, 1);
      if (this.#leaving) response.shouldKeepAlive = false;
      response.once('close', () => {
        this.#count(socket, -1);
        if (this.#leaving && this.#waiting.get(socket) === 0) socket.destroySoon();
      });
    });
  }

  /** Ends every connection as soon as it waits for nothing. */
  leave(): void {
    this.#leaving = true;
    for (const [socket, waiting] of this.#waiting) if (waiting === 0) socket.destroy();
  }

  cut(): void {
    for (const socket of this.#waiting.keys()) socket.destroy();
  }

  #count(socket: Socket, change: number): void {
    const waiting = this.#waiting.get(socket);
    if (waiting !== undefined) this.#waiting.set(socket, waiting + change);
  }
}
