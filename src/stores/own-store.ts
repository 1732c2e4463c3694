import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, linkSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { attempt } from '../base/attempt.ts';
import { checkRoom, writeFailure } from '../base/disk-room.ts';
import { EngineError } from '../base/errors.ts';
import { FileLock } from '../base/file-lock.ts';
import { makeFolder } from '../base/folder.ts';
import { readTextFile } from '../base/regular-file.ts';
import { moveFile, removeUnfinished, replaceFile, replaceTextFile } from '../base/replace-file.ts';
import { shardPath } from '../gguf/model-file.ts';
import { isFolder } from './folder-models.ts';
import type { FoundModel, Unreadable } from './found-model.ts';
import {
  blobName,
  fileOf,
  kindOf,
  type ManifestLayer,
  manifestPathOf,
  manifestsOf,
  manifestText,
  mediaTypeOf,
  nameOfManifest,
  readManifest,
} from './manifest.ts';
import { modelsOfOllama } from './ollama.ts';
import { type Blob, unneededBlobs } from './unneeded-blobs.ts';

/** The store's folder in a models folder: hidden, so that its files are not models by themselves. */
const storeFolder = '.store';
/** Milliseconds that others may take to change the store, and between two looks whether they have. */
const longestWait = 10_000;
const waitStep = 20;
const mostTextBytes = 4 * 2 ** 20;

/**
 * The models that were pulled or made: manifests by name, and blobs by the sum of their bytes, as Ollama keeps them, so that
 * models share what they have in common. A blob lies there as long as a manifest names it. Files appear whole or not at all,
 * and one process at a time changes manifests.
 *
 * @example
 * const store = new OwnStore('/models');
 * await store.addBlob(digest, chunks);
 * await store.write('mario', [{ mediaType: mediaTypeOf('model'), digest, size }, textLayer('system', 'You are Mario.')]);
 */
export class OwnStore {
  /** The folder of the store, which is there once something is. */
  readonly folder: string;
  readonly #others: readonly string[];

  /** The store in a models folder; `others` are stores of Ollama's layout whose blobs may be taken where they lie. */
  constructor(modelsFolder: string, others: readonly string[] = []) {
    this.folder = join(modelsFolder, storeFolder);
    this.#others = others;
  }

  /** A folder for files on their way here, such as downloads that go on later. Nothing is removed from it. */
  get unfinished(): string {
    return join(this.folder, 'unfinished');
  }

  get #blobs(): string {
    return join(this.folder, 'blobs');
  }

  blobPath(digest: string): string {
    return join(this.#blobs, blobName(digest));
  }

  /** The file of a part of a split model, counted from 1: parts find each other by their names. */
  partPath(digestOfFirst: string, part: number, count: number): string {
    return shardPath(this.blobPath(digestOfFirst), part, count);
  }

  hasBlob(digest: string): boolean {
    return existsSync(this.blobPath(digest));
  }

  /** The layer of a blob, here or in another's store, where it stays; undefined if it is nowhere. */
  blobLayer(kind: string, digest: string): ManifestLayer | undefined {
    const mediaType = mediaTypeOf(kind);
    const own = attempt(() => statSync(this.blobPath(digest)).size);
    if (own !== undefined) return { mediaType, digest, size: own };
    for (const other of this.#others) {
      const file = join(other, 'blobs', blobName(digest));
      const size = attempt(() => statSync(file).size);
      if (size !== undefined) return { mediaType, digest, size, file };
    }
    return undefined;
  }

  /** A file of the store, as a layer names it. */
  relative(path: string): string {
    return relative(this.folder, path);
  }

  /** Writes the text of a layer, if it has one, as a blob. Throws UNWRITABLE. */
  #addText({ digest, text }: ManifestLayer): void {
    if (digest === undefined || text === undefined || this.hasBlob(digest)) return;
    const path = this.blobPath(digest);
    writing(path, () => {
      makeFolder(this.#blobs);
      replaceTextFile(path, text);
    });
  }

  /**
   * Adds bytes as a blob, as they come; `size`, if it is known, must have room. Rejects with WRONG_SUM, NO_ROOM, UNWRITABLE,
   * and the errors of the source.
   */
  async addBlob(digest: string, chunks: AsyncIterable<Uint8Array>, size: number = 0): Promise<void> {
    const path = this.blobPath(digest);
    writing(path, () => makeFolder(this.#blobs));
    removeUnfinished(this.#blobs);
    checkRoom(this.#blobs, size);
    const hash = createHash('sha256');
    let written = 0;
    await replaceFile(path, async (file) => {
      for await (const chunk of chunks) {
        hash.update(chunk);
        await file.writeFile(chunk).catch((error) => {
          throw writeFailure(path, error, Math.max(size - written, chunk.length));
        });
        written += chunk.length;
      }
      const found = `sha256:${hash.digest('hex')}`;
      if (found !== digest) throw new EngineError('WRONG_SUM', { file: 'the blob', expected: digest, found });
    });
  }

  /** Takes a file that is whole, and was checked, to a place of a blob. Rejects with UNWRITABLE. */
  async adopt(file: string, path: string): Promise<void> {
    try {
      makeFolder(dirname(path));
      await moveFile(file, path);
    } catch (error) {
      throw writeFailure(path, error, 0);
    }
  }

  /** Gives a blob a second name, as a part of a split model. Throws UNWRITABLE. */
  placePart(layer: ManifestLayer, path: string): ManifestLayer {
    const blob = fileOf(this.folder, layer);
    if (!existsSync(path)) {
      writing(path, () => {
        makeFolder(dirname(path));
        // Not every file system has links.
        if (!attempt(() => linkSync(blob, path) ?? true)) copyFileSync(blob, path);
      });
    }
    return { ...layer, file: this.relative(path) };
  }

  /**
   * Gives a model its layers, in place of earlier ones. Texts become blobs only here. Rejects with BAD_OPTION for a bad name, MODEL_NOT_FOUND if a layer's
   * file is not there, FILE_IN_USE, UNWRITABLE.
   */
  async write(name: string, layers: readonly ManifestLayer[]): Promise<void> {
    const path = this.#manifest(name);
    await this.#alone(() => {
      for (const layer of layers) {
        this.#addText(layer);
        const file = fileOf(this.folder, layer);
        if (!existsSync(file)) throw new EngineError('MODEL_NOT_FOUND', { file });
      }
      const earlier = attempt(() => readManifest(path, 'own')) ?? [];
      writing(path, () => {
        makeFolder(dirname(path));
        replaceTextFile(path, manifestText(layers));
      });
      this.#sweep(earlier);
    });
  }

  /** The models of the store. */
  models(unreadable: Unreadable): readonly FoundModel[] {
    return isFolder(this.#manifests) ? modelsOfOllama(this.folder, unreadable, 'own') : [];
  }

  /** The layers of a model; undefined if there is none of this name, or none that can be read. Throws BAD_OPTION. */
  read(name: string): readonly ManifestLayer[] | undefined {
    return attempt(() => readManifest(this.#manifest(name), 'own'));
  }

  /** The layer that has this file; undefined if no model has it. */
  layerOf(file: string): ManifestLayer | undefined {
    return attempt(() => this.#layers())?.find((layer) => fileOf(this.folder, layer) === file);
  }

  /** The sum of what was downloaded from a source; undefined if no model has it. */
  sumFrom(source: string): string | undefined {
    return attempt(() => this.#layers())?.find((layer) => layer.source === source)?.digest;
  }

  /** The JSON of the layer of this kind among others; undefined if there is none. Throws the errors of reading it. */
  json(kind: string, layers: readonly ManifestLayer[]): unknown {
    const layer = layers.find((one) => kindOf(one) === kind);
    return layer && JSON.parse(layer.text ?? readTextFile(fileOf(this.folder, layer), mostTextBytes));
  }

  /** The name of the model with this manifest, as the store has it. */
  nameOf(manifest: string): string {
    return nameOfManifest(relative(this.#manifests, manifest).split(sep));
  }

  /** Removes a model, and the blobs that no other names. Resolves with false if there is none of this name. */
  async remove(name: string): Promise<boolean> {
    const path = this.#manifest(name);
    if (!existsSync(path)) return false;
    return this.#alone(() => {
      if (!existsSync(path)) return false;
      const layers = attempt(() => readManifest(path, 'own')) ?? [];
      writing(path, () => rmSync(path));
      // Folders that are empty now, up to the host's.
      for (let folder = dirname(path); folder !== this.#manifests; folder = dirname(folder)) {
        if (!attempt(() => rmdirSync(folder) ?? true)) break;
      }
      this.#sweep(layers);
      return true;
    });
  }

  get #manifests(): string {
    return join(this.folder, 'manifests');
  }

  #manifest(name: string): string {
    return join(this.#manifests, ...manifestPathOf(name));
  }

  /**
   * Removes the blobs of these layers, and those that were left behind long ago, unless a manifest names them. Where one
   * cannot be read, all blobs stay.
   */
  #sweep(layers: readonly ManifestLayer[]): void {
    const named = attempt(() => this.#named());
    if (named === undefined) return;
    const entries = attempt(() => readdirSync(this.#blobs)) ?? [];
    const blobs = entries.flatMap((entry): readonly Blob[] => {
      const path = join(this.#blobs, entry);
      const state = attempt(() => statSync(path));
      return state ? [{ path, age: Date.now() - state.mtimeMs }] : [];
    });
    const dropped = new Set(layers.map((layer) => fileOf(this.folder, layer)));
    for (const path of unneededBlobs(blobs, { named, dropped })) attempt(() => rmSync(path, { force: true }));
    removeUnfinished(this.#blobs);
  }

  /** The files that manifests name. Throws if a manifest cannot be read. */
  #named(): ReadonlySet<string> {
    return new Set(this.#layers().map((layer) => fileOf(this.folder, layer)));
  }

  /** The layers of all models. Throws if a manifest cannot be read. */
  #layers(): readonly ManifestLayer[] {
    const unreadable = (_: string, error: Error): void => {
      throw error;
    };
    return [...manifestsOf(this.folder, unreadable)].flatMap((names) =>
      readManifest(join(this.#manifests, ...names), 'own'),
    );
  }

  /** Does work while no other process changes the store. Rejects with its errors, FILE_IN_USE, UNWRITABLE. */
  async #alone<T>(work: () => T): Promise<T> {
    writing(this.folder, () => makeFolder(this.folder));
    using _ = await this.#lock();
    return work();
  }

  async #lock(): Promise<FileLock> {
    for (const until = Date.now() + longestWait; ; await setTimeout(waitStep)) {
      try {
        return FileLock.acquire(this.folder);
      } catch (error) {
        const isHeld = error instanceof EngineError && error.code === 'FILE_IN_USE';
        if (!isHeld || Date.now() > until) throw error;
      }
    }
  }
}

function writing<T>(file: string, write: () => T): T {
  try {
    return write();
  } catch (cause) {
    throw writeFailure(file, cause, 0);
  }
}
