import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { at } from '../base/at.ts';
import { roomIn } from '../base/disk-room.ts';
import { EngineError } from '../base/errors.ts';
import { shardPath } from '../gguf/model-file.ts';
import { kindOf, type ManifestLayer } from '../stores/manifest.ts';
import type { OwnStore } from '../stores/own-store.ts';
import { clearUnfinished, nameUnfinished } from '../stores/unfinished-models.ts';
import { type DownloadPace, PartialFile } from './partial-file.ts';
import type { RemoteFile } from './remote-file.ts';
import type { RemoteLayer } from './remote-model.ts';
import type { Web } from './web.ts';

/** Something that happens while a model is pulled, in the order of this list. */
export type PullEvent =
  | { readonly kind: 'manifest' }
  /** Something worth knowing, though nothing is wrong. */
  | { readonly kind: 'note'; readonly text: string }
  /** Another process has the same file under way. */
  | { readonly kind: 'waiting' }
  /** Bytes of a file, and of all files, that are there. They never become fewer. */
  | { readonly kind: 'bytes'; readonly file: string; readonly part: Progress; readonly all: Progress }
  | { readonly kind: 'checking'; readonly all: Progress }
  | { readonly kind: 'writing' };

/** Bytes. */
interface Progress {
  readonly done: number;
  readonly total: number;
}

/** A download that is about to begin, with the headers there. */
export interface DownloadPlan {
  /** The first file of the model, of full size, with zeros behind its header. */
  readonly path: string;
  readonly bytes: number;
  /** Bytes that are still to come, and those that the disk has free, if it says so. */
  readonly missing: number;
  readonly free: number | undefined;
}

export interface DownloadOptions {
  /** The name of the model. */
  readonly name: string;
  /** The name that pulls it; undefined for one that is not kept. */
  readonly pulledBy: string | undefined;
  readonly store: OwnStore;
  readonly signal: AbortSignal;
  readonly pace?: DownloadPace | undefined;
  /** Bytes that a folder's disk has free; default: as the system says. */
  readonly freeOf?: ((folder: string) => number | undefined) | undefined;
  readonly onEvent: (event: PullEvent) => void;
  /** Called before the download, unless all of the model is there. A rejection ends it. */
  readonly onPlan?: ((plan: DownloadPlan) => Promise<void>) | undefined;
}

/** Milliseconds between two looks whether another process has left a file. */
const waitStep = 500;

/** A layer on its way to the store, or one that is there, of which the sum is known. */
type Item = Place & { readonly layer: RemoteLayer } & (
    | { readonly partial: PartialFile; readonly sum?: undefined }
    | { readonly partial?: undefined; readonly sum: string }
  );

/** The files of a model on their way to the store. */
export class Download implements AsyncDisposable {
  readonly #options: DownloadOptions;
  readonly #items: Item[] = [];

  private constructor(options: DownloadOptions) {
    this.#options = options;
  }

  /** Opens the files that are missing, and waits for those that another process has. Rejects with UNWRITABLE, NO_ROOM. */
  static async begin(layers: readonly RemoteLayer[], web: Web, options: DownloadOptions): Promise<Download> {
    const { signal, onEvent } = options;
    const download = new Download(options);
    try {
      for (const layer of layers) {
        const open = (): Promise<Item> => download.#open(layer, layers, web);
        download.#items.push(await whenFree(open, signal, () => onEvent({ kind: 'waiting' })));
      }
      return download;
    } catch (error) {
      await download[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #open(layer: RemoteLayer, layers: readonly RemoteLayer[], web: Web): Promise<Item> {
    const { name, pulledBy, store, pace } = this.#options;
    const place = placeAmong(layer, layers);
    const there = (): Item | undefined => {
      const [sum, sumOfFirst] = [sumOf(layer.file, store), sumOf(place.first, store)];
      if (sum === undefined || sumOfFirst === undefined) return undefined;
      return existsSync(storePath(store, sumOfFirst, place)) ? { ...place, layer, sum } : undefined;
    };
    const before = there();
    if (before) return before;
    const path = unfinishedPath(store, layer, place);
    const partial = await PartialFile.open(path, layer.file, web, pace);
    nameUnfinished(dirname(path), name, pulledBy);
    // It may have been finished by the process that had it.
    const finished = there();
    if (!finished) return { ...place, layer, partial };
    await partial.remove();
    await partial[Symbol.asyncDispose]();
    return finished;
  }

  /**
   * Fetches what is missing, headers first. Rejects with NO_ROOM, UNWRITABLE, DOWNLOAD_FAILED, UNREACHABLE,
   * ACCESS_DENIED, REMOTE_NOT_FOUND, the errors of headers, what `onPlan` rejects with, or the signal's reason.
   */
  async fetch(): Promise<void> {
    const { signal } = this.#options;
    const partials = this.#items.flatMap(({ partial }) => partial ?? []);
    for (const partial of partials) await fetchHeader(partial, signal);
    await this.#plan(partials);
    for (const { layer, partial } of this.#items) {
      this.#report(layer);
      await partial?.fetchRest(signal, () => this.#report(layer));
    }
  }

  async #plan(partials: readonly PartialFile[]): Promise<void> {
    const { store, onPlan, freeOf = roomIn } = this.#options;
    const missing = partials.reduce((sum, partial) => sum + partial.missing, 0);
    const free = freeOf(store.folder);
    const path = partials[0]?.path;
    if (path !== undefined) await onPlan?.({ path, bytes: this.#progress.total, missing, free });
    if (free !== undefined && free < missing)
      throw new EngineError('NO_ROOM', { folder: store.folder, bytes: missing, free });
  }

  /** Checks the sums, and takes the files to their places. Rejects with DOWNLOAD_DAMAGED, UNWRITABLE, or the signal's reason. */
  async finish(): Promise<readonly ManifestLayer[]> {
    const { store } = this.#options;
    const sums = await this.#sums();
    const layers: ManifestLayer[] = [];
    for (const [i, item] of this.#items.entries()) {
      const { layer, partial, first } = item;
      // The sum of a model's first part names them all.
      const path = storePath(
        store,
        at(
          sums,
          this.#items.findIndex(({ layer }) => layer.file === first),
        ),
        item,
      );
      if (partial) {
        await partial.close();
        await store.adopt(partial.path, path);
      }
      const file = item.count > 1 ? { file: store.relative(path) } : {};
      const { mediaType, file: remote } = layer;
      const source = remote.digest === undefined ? { source: sourceOf(remote) } : {};
      layers.push({ mediaType, digest: at(sums, i), size: remote.size, ...file, ...source });
    }
    return layers;
  }

  /** The sums of all files, those that came now checked. */
  async #sums(): Promise<readonly string[]> {
    const { signal, onEvent } = this.#options;
    const total = this.#items.reduce((sum, { layer, partial }) => sum + (partial ? layer.file.size : 0), 0);
    let before = 0;
    const sums: string[] = [];
    for (const { layer, partial, sum: known } of this.#items) {
      const { digest, size, url } = layer.file;
      const report = (done: number): void => onEvent({ kind: 'checking', all: { done: before + done, total } });
      const sum = partial ? await partial.sum(signal, report) : known;
      if (digest !== undefined && sum !== digest) {
        await partial?.remove();
        throw new EngineError('DOWNLOAD_DAMAGED', { url, bytes: size });
      }
      before += partial ? size : 0;
      sums.push(sum);
    }
    return sums;
  }

  #report({ file }: RemoteLayer): void {
    const item = this.#items.find(({ layer }) => layer.file === file);
    const part = { done: item?.partial?.done ?? file.size, total: file.size };
    this.#options.onEvent({ kind: 'bytes', file: file.digest ?? file.name, part, all: this.#progress });
  }

  get #progress(): Progress {
    let done = 0;
    let total = 0;
    for (const { layer, partial } of this.#items) {
      done += partial?.done ?? layer.file.size;
      total += layer.file.size;
    }
    return { done, total };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const partials = this.#items.flatMap(({ partial }) => partial ?? []);
    for (const partial of partials) await partial[Symbol.asyncDispose]();
    for (const { path } of partials) clearUnfinished(dirname(path));
  }
}

/** Errors of a file that is no GGUF file, or whose header cannot be read. */
const headerErrors = ['NOT_GGUF', 'GGUF_VERSION', 'GGUF_CORRUPT', 'GGUF_TRUNCATED'] as const;

const isOfHeader = (error: unknown): error is EngineError<(typeof headerErrors)[number]> =>
  error instanceof EngineError && headerErrors.some((code) => code === error.code);

/** Fetches a header. A file that is no model is not kept, and the error names its URL. */
async function fetchHeader(partial: PartialFile, signal: AbortSignal): Promise<void> {
  try {
    await partial.fetchHeader(signal);
  } catch (error) {
    if (!isOfHeader(error)) throw error;
    await partial.remove();
    throw new EngineError(error.code, { ...error.details, file: partial.remote.url }, { cause: error });
  }
}

const keyOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A text for a file's bytes where nobody says their sum; undefined where nothing tells another version of it. */
const sourceOf = ({ url, version }: RemoteFile): string | undefined =>
  // A URL may hold a secret.
  version === '' ? undefined : keyOf(`${url} ${version}`);

/** The sum of a file, as it is said, or as it was when the same version came earlier. */
function sumOf(file: RemoteFile, store: OwnStore): string | undefined {
  const source = sourceOf(file);
  return file.digest ?? (source === undefined ? undefined : store.sumFrom(source));
}

/** The place of a file among those of its model: part `part`, from 1, of `count`, with the first of them. */
interface Place {
  readonly part: number;
  readonly count: number;
  readonly first: RemoteFile;
}

function placeAmong(layer: RemoteLayer, layers: readonly RemoteLayer[]): Place {
  const parts = kindOf(layer) === 'model' ? layers.filter((other) => kindOf(other) === 'model') : [layer];
  return { part: parts.indexOf(layer) + 1, count: parts.length, first: at(parts, 0).file };
}

const storePath = (store: OwnStore, digestOfFirst: string, { part, count }: Place): string =>
  count > 1 ? store.partPath(digestOfFirst, part, count) : store.blobPath(digestOfFirst);

/** The path of a file on its way. Parts find each other by their names there, too. */
function unfinishedPath(store: OwnStore, layer: RemoteLayer, { part, count, first }: Place): string {
  const key = keyOf(first.digest ?? `${first.url} ${first.version}`);
  const folder = join(store.unfinished, key.slice(0, 32));
  return count > 1 ? shardPath(join(folder, 'model'), part, count) : join(folder, `${kindOf(layer)}.gguf`);
}

/** Does `open` once no other process has the file. */
async function whenFree<T>(open: () => Promise<T>, signal: AbortSignal, onWait: () => void): Promise<T> {
  for (let told = false; ; told = true) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'FILE_IN_USE') throw error;
      if (!told) onWait();
      await sleep(waitStep, undefined, { signal });
    }
  }
}
