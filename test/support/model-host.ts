import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deferred } from './deferred.ts';

/** Faults of a host, for all files. */
interface Faults {
  /** Whether parts of files can be had. */
  ranges: boolean;
  /** Whether sums of files are said. */
  sums: boolean;
  /** Replies that end in the middle of their bytes, from now on. */
  cuts: number;
  /** Bytes of a reply, each of which is cut there; undefined: none is. */
  cutAfter: number | undefined;
  /** Statuses of the next replies with bytes. */
  statuses: number[];
  /** Whether the last byte of a file comes out wrong. */
  damaged: boolean;
  /** Keys of users who may read; undefined: everybody may. */
  token: string | undefined;
  /** Replies with bytes wait for it, behind the first `free` of them. */
  gate: Promise<void> | undefined;
  free: number;
}

interface Asked {
  readonly host: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * A server that speaks as Hugging Face and as Ollama's registry do. Bytes of files come from another address, to which it
 * redirects.
 */
export class ModelHost implements AsyncDisposable {
  readonly faults: Faults = {
    ranges: true,
    sums: true,
    cuts: 0,
    cutAfter: undefined,
    statuses: [],
    damaged: false,
    token: undefined,
    gate: undefined,
    free: 0,
  };
  readonly asked: Asked[] = [];
  /** Resolves when a reply waits for the gate. */
  readonly waiting: Promise<void>;
  readonly #wait: () => void;
  readonly #repositories = new Map<string, ReadonlyMap<string, Uint8Array>>();
  readonly #manifests = new Map<string, string>();
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #front: Server = createServer((request, response) => this.#answer(request, response, 'front'));
  readonly #store: Server = createServer((request, response) => this.#answer(request, response, 'store'));

  private constructor() {
    const { promise, resolve } = deferred();
    this.waiting = promise;
    this.#wait = resolve;
  }

  static async start(): Promise<ModelHost> {
    const host = new ModelHost();
    for (const server of [host.#front, host.#store]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    }
    return host;
  }

  /** Its host and port. */
  get host(): string {
    return `127.0.0.1:${(this.#front.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  get #storeUrl(): string {
    return `http://127.0.0.1:${(this.#store.address() as AddressInfo).port}`;
  }

  /** Bytes of replies that were asked for by range, or whole. */
  get downloads(): readonly Asked[] {
    return this.asked.filter(({ host, path }) => host === 'store' && path.startsWith('/bytes/'));
  }

  addRepository(name: string, files: Readonly<Record<string, Uint8Array>>): void {
    this.#repositories.set(name, new Map(Object.entries(files)));
    for (const bytes of Object.values(files)) this.#blobs.set(sha256(bytes), bytes);
  }

  /** Adds a model to the registry, by the kinds of its layers. Returns the digests. */
  addModel(
    name: string,
    tag: string,
    layers: Readonly<Record<string, Uint8Array | string>>,
  ): Readonly<Record<string, string>> {
    const parts = Object.entries(layers).map(([kind, content]) => {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      this.#blobs.set(sha256(bytes), bytes);
      return { kind, size: bytes.length, digest: `sha256:${sha256(bytes)}` };
    });
    const manifest = {
      schemaVersion: 2,
      layers: parts.map(({ kind, size, digest }) => ({
        mediaType: `application/vnd.ollama.image.${kind}`,
        size,
        digest,
      })),
    };
    this.#manifests.set(`${name}/${tag}`, JSON.stringify(manifest));
    return Object.fromEntries(parts.map(({ kind, digest }) => [kind, digest]));
  }

  async #answer(request: IncomingMessage, response: ServerResponse, host: string): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const { range, authorization } = request.headers;
    this.asked.push({ host, path: pathname, range, authorization });
    const end = (status: number, body: string, headers: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body);
    };
    const json = (value: unknown): void => end(200, JSON.stringify(value));
    const [, bytes] = /^\/bytes\/([0-9a-f]{64})$/.exec(pathname) ?? [];
    if (bytes !== undefined) return this.#send(bytes, range, response);
    const [, listed] = /^\/api\/models\/([^/]+\/[^/]+)\/tree\/main$/.exec(pathname) ?? [];
    if (listed !== undefined) {
      const files = this.#repositories.get(listed);
      if (files === undefined) return end(401, '', { 'x-error-code': 'RepoNotFound' });
      const list = [...files].map(([path, content]) => ({
        type: 'file',
        path,
        size: content.length,
        oid: 'x',
        lfs: { oid: sha256(content), size: content.length },
      }));
      // A page holds two.
      const from = Number(searchParams.get('cursor') ?? 0);
      const more = from + 2 < list.length;
      return end(
        200,
        JSON.stringify(list.slice(from, from + 2)),
        more ? { link: `<${this.url}${pathname}?recursive=true&cursor=${from + 2}>; rel="next"` } : {},
      );
    }
    if (pathname === '/api/models') {
      const wanted = searchParams.get('search') ?? searchParams.get('author') ?? '';
      return json(
        [...this.#repositories.keys()]
          .filter((id) => id.toLowerCase().includes(wanted.toLowerCase()))
          .map((id) => ({ id })),
      );
    }
    const [, repository = '', file = ''] = /^\/([^/]+\/[^/]+)\/resolve\/main\/(.+)$/.exec(pathname) ?? [];
    const resolved = this.#repositories.get(repository)?.get(decodeURIComponent(file));
    const [, model = '', what = '', reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(pathname) ?? [];
    const blob = resolved ? sha256(resolved) : what === 'blobs' ? reference.replace('sha256:', '') : undefined;
    if (blob !== undefined && this.#blobs.has(blob)) {
      if (this.faults.token !== undefined && authorization !== `Bearer ${this.faults.token}`) {
        return end(authorization === undefined ? 401 : 403, '', { 'x-error-code': 'GatedRepo' });
      }
      const sum = this.faults.sums ? { 'x-linked-etag': `"${blob}"` } : {};
      return end(302, '', { location: `${this.#storeUrl}/bytes/${blob}`, ...sum });
    }
    const manifest = what === 'manifests' && this.#manifests.get(`${model}/${reference}`);
    if (manifest) return end(200, manifest);
    const [, tagged] = /^\/v2\/(.+)\/tags\/list$/.exec(pathname) ?? [];
    if (tagged !== undefined) {
      const tags = [...this.#manifests.keys()]
        .filter((key) => key.startsWith(`${tagged}/`))
        .map((key) => key.slice(tagged.length + 1));
      return json({ tags });
    }
    end(404, '');
  }

  async #send(blob: string, range: string | undefined, response: ServerResponse): Promise<void> {
    const { faults } = this;
    if (faults.gate !== undefined && faults.free-- <= 0) {
      this.#wait();
      await faults.gate;
    }
    const status = faults.statuses.shift();
    if (status !== undefined) return void response.writeHead(status, { 'content-length': 0 }).end();
    const stored = this.#blobs.get(blob) ?? new Uint8Array();
    const whole = faults.damaged ? Buffer.from(stored) : Buffer.from(stored.buffer, stored.byteOffset, stored.length);
    if (faults.damaged) whole[whole.length - 1] = 255 - (whole.at(-1) ?? 0);
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    const partial = faults.ranges && from !== undefined;
    const start = partial ? Number(from) : 0;
    const end = partial ? Math.min(Number(to) + 1, whole.length) : whole.length;
    const headers = partial ? { 'content-range': `bytes ${start}-${end - 1}/${whole.length}` } : {};
    response.writeHead(partial ? 206 : 200, {
      ...headers,
      'content-length': end - start,
      etag: `"${blob.slice(0, 8)}"`,
    });
    const cut = faults.cutAfter !== undefined && faults.cuts > 0 && end - start > faults.cutAfter;
    if (!cut) return void response.end(whole.subarray(start, end));
    faults.cuts -= 1;
    response.write(whole.subarray(start, start + (faults.cutAfter ?? 0)), () => response.destroy());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#front, this.#store]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
}
