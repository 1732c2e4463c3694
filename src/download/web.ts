import { setTimeout as sleep } from 'node:timers/promises';
import { EnvHttpProxyAgent, request } from 'undici';
import type * as z from 'zod';
import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';
import { usualHub } from './pull-source.ts';

/** Ways to other machines. */
export interface WebOptions {
  /** The address of Hugging Face, or of a mirror. */
  readonly hub: string;
  /** The user's key there. No other host gets it. */
  readonly token?: string | undefined;
  /** Proxies as HTTP_PROXY, HTTPS_PROXY and NO_PROXY name them. */
  readonly proxies?: { readonly http?: string; readonly https?: string; readonly none?: string } | undefined;
  /** Milliseconds of silence after which a connection is given up; default: 30 s. */
  readonly silence?: number | undefined;
  /** Milliseconds before a second try, which double with each further one; default: 1 s. */
  readonly pause?: number | undefined;
}

/** A reply, whose body has not been read. Either it is read, or the reply is disposed. */
export interface WebReply extends Disposable {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
  /** The address that redirections led to. */
  readonly url: string;
  header(name: string): string | undefined;
  /** A header of the first reply, which may have been a redirection. */
  firstHeader(name: string): string | undefined;
}

/** A reply in JSON. */
export interface JsonReply<T> {
  readonly value: T;
  readonly header: WebReply['header'];
}

interface GetOptions {
  readonly signal: AbortSignal;
  readonly accept?: string;
  readonly range?: { readonly start: number; readonly end: number };
}

/** A status that is no success, for those who know what was asked for. */
export class StatusError extends Error {
  readonly status: number;
  readonly url: string;
  /** Hugging Face's reason: RepoNotFound, GatedRepo, … */
  readonly reason: string | undefined;
  constructor(status: number, url: string, reason: string | undefined) {
    super(`status ${status}`);
    this.status = status;
    this.url = url;
    this.reason = reason;
  }
}

/** The server gives no ranges: a file comes from its beginning or not at all. */
export class NoRanges extends Error {}

const tries = 5;
const usualSilence = 30_000;
const usualPause = 1000;
const longestPause = 60_000;
const mostRedirections = 5;
const mostText = 32 * 2 ** 20;

/** Failures to begin with: where there is no network, nobody waits for further tries. */
const unreachable =
  /^(?:ENOTFOUND|EAI_|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|ERR_TLS|DEPTH_|SELF_SIGNED|UNABLE_TO)/;

/** True for failures that another try may not meet. */
export function mayPass(error: unknown): boolean {
  if (error instanceof StatusError) return error.status === 408 || error.status === 429 || error.status >= 500;
  return !(error instanceof EngineError) && !(error instanceof NoRanges);
}

const codeOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
};

/** Requests to other machines: through proxies, again where they fail for a while, with the token for Hugging Face alone. */
export class Web implements AsyncDisposable {
  readonly hub: string;
  readonly #options: WebOptions;
  readonly #agent: EnvHttpProxyAgent;

  constructor(options: WebOptions) {
    const { proxies: { http = '', https = '', none = '' } = {}, silence = usualSilence } = options;
    this.hub = options.hub.replace(/\/+$/, '');
    this.#options = options;
    this.#agent = new EnvHttpProxyAgent({
      httpProxy: http,
      httpsProxy: https,
      noProxy: none,
      headersTimeout: silence,
      bodyTimeout: silence,
      connect: { timeout: silence },
    });
  }

  /** True if Hugging Face knows who asks. */
  get hasToken(): boolean {
    return this.#options.token !== undefined;
  }

  /** The text of a short reply. Rejects with StatusError, UNREACHABLE, DOWNLOAD_FAILED, or the signal's reason. */
  async text(url: string, options: GetOptions): Promise<{ readonly text: string; header: WebReply['header'] }> {
    const read = async (): Promise<{ readonly text: string; header: WebReply['header'] }> => {
      using reply = await this.get(url, options);
      const parts: Uint8Array[] = [];
      let bytes = 0;
      for await (const part of reply.body) {
        parts.push(part);
        bytes += part.length;
        if (bytes > mostText) throw new EngineError('DOWNLOAD_FAILED', { url, reason: 'the reply is too long' });
      }
      return { text: Buffer.concat(parts).toString('utf8'), header: reply.header };
    };
    return this.retrying(url, options.signal, read, { begun: false });
  }

  /** A short reply in JSON, as the schema wants it. Rejects as `text` does. */
  async json<T>(url: string, schema: z.ZodType<T>, options: GetOptions): Promise<JsonReply<T>> {
    const { text, header } = await this.text(url, { accept: 'application/json', ...options });
    const value = attempt(() => schema.parse(JSON.parse(text)));
    if (value !== undefined) return { value, header };
    throw new EngineError('DOWNLOAD_FAILED', { url, reason: 'the reply is not what was expected' });
  }

  /**
   * Does `work` until it succeeds: again after failures that may pass, up to `tries` times without any progress between
   * them. Rejects with UNREACHABLE, DOWNLOAD_FAILED, StatusErrors that do not pass, or the signal's reason.
   */
  async retrying<T>(
    url: string,
    signal: AbortSignal,
    work: () => Promise<T>,
    { begun, progress = () => 0 }: { readonly begun: boolean; readonly progress?: () => number },
  ): Promise<T> {
    let failures = 0;
    let reached = progress();
    for (;;) {
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        if (!mayPass(error)) throw error;
        const now = progress();
        failures = now > reached ? 1 : failures + 1;
        reached = Math.max(reached, now);
        const gone = unreachable.test(codeOf(error));
        if (failures === tries || (gone && !begun)) throw this.#failure(url, error, gone);
        await sleep(this.#pauseBefore(failures), undefined, { signal });
      }
    }
  }

  #failure(url: string, cause: unknown, gone: boolean): EngineError {
    const reason = codeOf(cause);
    const { host } = new URL(url);
    return gone
      ? new EngineError('UNREACHABLE', { host, reason, hub: this.#hubAt(host) }, { cause })
      : new EngineError('DOWNLOAD_FAILED', { url, reason }, { cause });
  }

  /** Whether a host is Hugging Face, or what HF_ENDPOINT has in its place. */
  #hubAt(host: string): 'usual' | 'mirror' | 'none' {
    if (host !== new URL(this.hub).host) return 'none';
    return this.hub === usualHub ? 'usual' : 'mirror';
  }

  #pauseBefore(failures: number): number {
    return Math.min((this.#options.pause ?? usualPause) * 2 ** (failures - 1), longestPause);
  }

  /** The reply to one request. Rejects with StatusError, or with what the connection fails with. */
  async get(url: string, options: GetOptions): Promise<WebReply> {
    let first: WebReply['header'] | undefined;
    for (let at = url, n = 0; ; n += 1) {
      const reply = await this.#ask(at, options);
      const { status, header } = reply;
      first ??= header;
      const location = header('location');
      if (status < 300) return { ...reply, firstHeader: first, [Symbol.dispose]: reply[Symbol.dispose] };
      reply[Symbol.dispose]();
      if (status >= 400 || location === undefined) throw new StatusError(status, at, header('x-error-code'));
      if (n === mostRedirections)
        throw new EngineError('DOWNLOAD_FAILED', { url, reason: 'it is redirected in a circle' });
      at = redirected(at, location);
    }
  }

  async #ask(url: string, { signal, accept = '*/*', range }: GetOptions): Promise<WebReply> {
    const { token } = this.#options;
    const own = new URL(url).origin === new URL(this.hub).origin;
    const { statusCode, headers, body } = await request(url, {
      dispatcher: this.#agent,
      signal,
      headers: {
        accept,
        'user-agent': 'ssd-llm',
        ...(range && { range: `bytes=${range.start}-${range.end - 1}` }),
        ...(own && token !== undefined && { authorization: `Bearer ${token}` }),
      },
    });
    // Nobody listens to a body that is not read.
    body.on('error', () => {});
    const header = (name: string): string | undefined => {
      const value = headers[name];
      return Array.isArray(value) ? value[0] : value;
    };
    const dispose = (): void => {
      body.destroy();
    };
    return { status: statusCode, body, url, header, firstHeader: header, [Symbol.dispose]: dispose };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }
}

/** The address of a redirection. Throws DOWNLOAD_FAILED where it would leave an encrypted connection. */
function redirected(from: string, location: string): string {
  if (!URL.canParse(location, from))
    throw new EngineError('DOWNLOAD_FAILED', { url: from, reason: 'it is redirected to nowhere' });
  const { href, protocol } = new URL(location, from);
  if (protocol === 'https:' || (protocol === 'http:' && new URL(from).protocol === 'http:')) return href;
  throw new EngineError('DOWNLOAD_FAILED', {
    url: from,
    reason: 'it is redirected to a connection that is not encrypted',
  });
}
