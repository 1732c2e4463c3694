import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Descriptors that are left to engines and files where a process may have few, and connections in any case. */
const reserve = 32;
const fewest = 8;
const refusal = 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/**
 * The connections of a server, each with the requests that have no answer yet. Where places run out, those that wait for
 * nothing make room for newcomers, the oldest first: also those that have sent a part of a request only.
 */
export class Connections {
  /** From the one that has been as it is for longest. */
  readonly #requests: Map<Socket, Set<IncomingMessage>> = new Map();
  #places: number;
  #leaving = false;
  /** Connections that made room and whose descriptors are not free yet. */
  #closing = 0;

  constructor(server: Server, places: number) {
    this.#places = places;
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
    server.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'EMFILE' || code === 'ENFILE') this.#shrink();
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
    if (this.#requests.size > this.#places && !this.#makeRoom(socket)) {
      socket.write(refusal);
      socket.destroySoon();
    }
  }

  /** The process has no descriptor left: it shall not come to that again. */
  #shrink(): void {
    if (this.#closing > 0) return;
    this.#places = Math.min(this.#places, Math.max(fewest, this.#requests.size - reserve));
    while (this.#requests.size > this.#places && this.#makeRoom());
  }

  /** Ends the oldest connection, but for `newcomer`, that waits for no answer. False if there is none. */
  #makeRoom(newcomer?: Socket): boolean {
    for (const [socket, requests] of this.#requests) {
      if (socket === newcomer || [...requests].some(({ complete }) => complete)) continue;
      this.#requests.delete(socket);
      this.#closing += 1;
      socket.once('close', () => {
        this.#closing -= 1;
      });
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
