import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { EngineError } from '../base/errors.ts';
import type { Address } from './address.ts';
import { Connections, connectionLimit, mostFiles } from './connections.ts';

/** Times that a client may take, in milliseconds. */
export interface Patience {
  /** Time to send a request's headers, from the connection or the last answer on. */
  readonly headers: number;
  /** Time to send a whole request. */
  readonly request: number;
  /** Time between an answer and the next request. */
  readonly idle: number;
  /** Interval between checks of these times. */
  readonly check: number;
}

export interface ListenOptions extends Address {
  readonly patience?: Patience;
  /** The most connections at once. */
  readonly maxConnections?: number;
  /** Hears of failures that no request is to blame for, such as too many open files. */
  readonly onError?: (error: Error) => void;
}

export interface RunningServer {
  /** Address with the port that was taken, if any was asked for by 0. */
  readonly address: Address;
  /**
   * Takes no more connections, ends those that wait for no answer, and cuts the others after so many milliseconds.
   * Called again, it may cut them sooner. Resolves when all are gone.
   */
  close(grace: number): Promise<void>;
}

const usual: Patience = { headers: 15_000, request: 60_000, idle: 65_000, check: 5_000 };
/** The path of uploads, which may be larger than any other request. */
const uploads = '/api/blobs/';
/** Milliseconds until the system probes a silent connection, and finds out that a client's machine has vanished. */
const probeDelay = 30_000;

/** Starts to listen. Rejects with PORT_IN_USE, or BAD_OPTION if this machine has no such address. */
export async function listen(app: Pick<Hono, 'fetch'>, options: ListenOptions): Promise<RunningServer> {
  const { host, port, patience = usual, maxConnections = connectionLimit(mostFiles()), onError = () => {} } = options;
  const server = createServer(
    {
      headersTimeout: patience.headers,
      // Uploads take hours: `cutSlow` knows them.
      requestTimeout: 0,
      keepAliveTimeout: patience.idle,
      connectionsCheckingInterval: patience.check,
      keepAlive: true,
      keepAliveInitialDelay: probeDelay,
    },
    // Requests in HTTP/1.0 have no Host: balancers check like that.
    getRequestListener(app.fetch, { overrideGlobalObjects: false, hostname: 'localhost' }),
  );
  const connections = new Connections(server, maxConnections);
  server.on('request', (request: IncomingMessage) => cutSlow(request, patience.request));
  await bindTo(server, { host, port });
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

/** Cuts off a client whose request is not whole in time; of an upload, one that sends nothing for as long. */
function cutSlow(request: IncomingMessage, patience: number): void {
  const { socket, url = '' } = request;
  let seen = socket.bytesRead;
  const timer = setInterval(() => {
    const grown = socket.bytesRead > seen;
    seen = socket.bytesRead;
    if (!request.complete && !(grown && url.startsWith(uploads))) socket.destroy();
  }, patience);
  timer.unref();
  request.once('close', () => clearInterval(timer));
}

function bindTo(server: Server, { host, port }: Address): Promise<void> {
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
