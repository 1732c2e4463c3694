import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Descriptors that are left to the process itself, engines and files. */
const reserve = 64;
const fewest = 8;
/** The most places: more requests would find no place in the queue. */
const enough = 1024;
const refusal = 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/**
 * The number of connections for which there is room, by the files that the process may open. Beyond its limit the
 * system refuses newcomers without telling this process, which then would end nobody for them.
 */
export const connectionLimit = (mostFiles: number): number => Math.max(fewest, Math.min(enough, mostFiles - reserve));

/** The number of files that this process may open. */
export function mostFiles(): number {
  if (process.platform === 'win32') return Number.POSITIVE_INFINITY;
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const soft = Number(userLimits?.open_files?.soft);
  return Number.isNaN(soft) ? Number.POSITIVE_INFINITY : soft;
}

/**
 * The connections of a server, each with its requests that have no answer yet. Where places run out, connections that
 * wait for nothing make room for newcomers, the oldest first: also those that have sent only a part of a request.
 */
export class Connections {
  /** Requests by connection, the one without a change for longest first. */
  readonly #requests: Map<Socket, Set<IncomingMessage>> = new Map();
  readonly #limit: number;
  #leaving = false;

  constructor(server: Server, limit: number) {
    this.#limit = limit;
    server.on('connection', (socket: Socket) => this.#admit(socket));
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const { socket } = request;
      this.#renew(socket)?.add(request);
      if (this.#leaving) response.shouldKeepAlive = false;
      response.once('close', () => {
        const left = this.#renew(socket);
        left?.delete(request);
        if (this.#leaving && left?.size === 0) socket.destroySoon();
      });
    });
  }

  /** Ends every connection as soon as it waits for nothing. */
  leave(): void {
    this.#leaving = true;
    for (const [socket, requests] of this.#requests) if (requests.size === 0) socket.destroy();
  }

  cut(): void {
    for (const socket of this.#requests.keys()) socket.destroy();
  }

  #admit(socket: Socket): void {
    this.#requests.set(socket, new Set());
    socket.once('close', () => this.#requests.delete(socket));
    if (this.#requests.size > this.#limit && !this.#makeRoom(socket)) {
      socket.write(refusal);
      socket.destroySoon();
    }
  }

  /** Ends the oldest connection except `newcomer` that waits for no answer. False if there is none. */
  #makeRoom(newcomer: Socket): boolean {
    for (const [socket, requests] of this.#requests) {
      if (socket === newcomer || [...requests].some(({ complete }) => complete)) continue;
      this.#requests.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  /** The requests of a connection, which is now the youngest. */
  #renew(socket: Socket): Set<IncomingMessage> | undefined {
    const requests = this.#requests.get(socket);
    if (requests) {
      this.#requests.delete(socket);
      this.#requests.set(socket, requests);
    }
    return requests;
  }
}
