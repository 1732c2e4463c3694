import { EngineError } from '../base/errors.ts';
import { mayPass, NoRanges, StatusError, type Web, type WebReply } from './web.ts';

/** A file that can be downloaded. */
export interface RemoteFile {
  readonly url: string;
  /** The name that it has there. */
  readonly name: string;
  readonly size: number;
  /** The sum of its bytes, as "sha256:" and 64 hex digits; undefined where nobody says it. */
  readonly digest: string | undefined;
  /** A text that changes with the bytes: the sum, or a server's word. */
  readonly version: string;
}

/**
 * The bytes of a remote file, wherever it was redirected to: that place is asked directly from then on, as long as it
 * answers.
 */
export class RemoteBytes {
  readonly file: RemoteFile;
  readonly #web: Web;
  #place: string;

  constructor(file: RemoteFile, web: Web) {
    this.file = file;
    this.#web = web;
    this.#place = file.url;
  }

  /**
   * The reply with the bytes from `start` to `end`; without ranges, all from the beginning on. Rejects with NoRanges
   * where a later range was asked for, DOWNLOAD_FAILED where the file is another by now, ACCESS_DENIED,
   * REMOTE_NOT_FOUND, and what connections fail with.
   */
  async get(start: number, end: number, signal: AbortSignal): Promise<WebReply> {
    const reply = await this.#ask(start, end, signal);
    try {
      this.#check(reply, start);
      this.#place = reply.url;
      return reply;
    } catch (error) {
      reply[Symbol.dispose]();
      throw error;
    }
  }

  async #ask(start: number, end: number, signal: AbortSignal): Promise<WebReply> {
    const { url } = this.file;
    const options = { signal, range: { start, end } };
    // A place that was redirected to is good for minutes.
    if (this.#place !== url) {
      try {
        return await this.#web.get(this.#place, options);
      } catch (error) {
        if (!(error instanceof StatusError) || mayPass(error)) throw error;
        this.#place = url;
      }
    }
    return this.#web.get(url, options).catch((error) => {
      throw explained(error, this.#web);
    });
  }

  #check({ status, header }: WebReply, start: number): void {
    const { size, digest, version } = this.file;
    const total = status === 206 ? /\/(\d+)$/.exec(header('content-range') ?? '')?.[1] : header('content-length');
    if (total !== undefined && Number(total) !== size) throw this.#changed(`it has ${total} bytes now, not ${size}`);
    if (digest === undefined && versionOf(header) !== version) throw this.#changed('it is another file by now');
    if (status !== 206 && start > 0) throw new NoRanges();
    const from = /^bytes (\d+)-/.exec(header('content-range') ?? '')?.[1];
    if (status === 206 && Number(from) !== start) throw this.#changed('it sends other bytes than it was asked for');
  }

  #changed(reason: string): EngineError {
    return new EngineError('DOWNLOAD_FAILED', { url: this.file.url, reason });
  }
}

const versionOf = (header: WebReply['header']): string => header('etag') ?? header('last-modified') ?? '';

/** The file at a URL. Rejects with ACCESS_DENIED, REMOTE_NOT_FOUND, UNREACHABLE, DOWNLOAD_FAILED. */
export async function remoteFileAt(url: string, name: string, web: Web, signal: AbortSignal): Promise<RemoteFile> {
  const ask = async (): Promise<RemoteFile> => {
    using reply = await web.get(url, { signal, range: { start: 0, end: 1 } });
    const { status, header, firstHeader } = reply;
    const total = status === 206 ? header('content-range')?.split('/')[1] : header('content-length');
    const size = Number(total ?? Number.NaN);
    if (!Number.isSafeInteger(size) || size <= 0) {
      throw new EngineError('DOWNLOAD_FAILED', { url, reason: 'the server does not say how large it is' });
    }
    const sum = /^"?([0-9a-f]{64})"?$/.exec(firstHeader('x-linked-etag') ?? '')?.[1];
    return { url, name, size, digest: sum && `sha256:${sum}`, version: sum ?? versionOf(header) };
  };
  return web.retrying(url, signal, ask, { begun: false }).catch((error) => {
    throw explained(error, web);
  });
}

/** A status as an error that says what to do; other errors as they are. */
export function explained(error: unknown, { hub, hasToken }: Web): unknown {
  if (!(error instanceof StatusError) || mayPass(error)) return error;
  const { status, url } = error;
  const { origin, pathname } = new URL(url);
  const ofHub = url.startsWith(`${hub}/`);
  const cause = { cause: error };
  if (status === 401 || status === 403) {
    const page = pathname.replace(/^\/(?:api\/models\/)?([^/]+\/[^/]+)\/.*$/, '/$1');
    return new EngineError(
      'ACCESS_DENIED',
      { url: ofHub ? `${origin}${page}` : url, hub: ofHub, token: hasToken },
      cause,
    );
  }
  if (status === 404 || status === 410) {
    return new EngineError(
      'REMOTE_NOT_FOUND',
      { name: pathname.slice(1), host: new URL(url).host, nearest: [] },
      cause,
    );
  }
  return new EngineError('DOWNLOAD_FAILED', { url, reason: `it answers with status ${status}` }, cause);
}
