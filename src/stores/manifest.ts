import { createHash } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import * as z from 'zod';
import { EngineError } from '../base/errors.ts';
import { readTextFile } from '../base/regular-file.ts';
import { isFolder, visibleNames } from './folder-models.ts';
import type { Unreadable } from './found-model.ts';

/** A part of a model in a store, as Ollama's registry describes it. */
export interface ManifestLayer {
  /** Its media type, whose last part is the kind: "application/vnd.ollama.image.model". */
  readonly mediaType: string;
  /** Sum of its bytes: "sha256:" and 64 hex digits. */
  readonly digest?: string | undefined;
  /** Bytes. */
  readonly size: number;
  /** The file that it is, where that is no blob: a path, which counts from the store if it is relative. */
  readonly file?: string | undefined;
  /** A text for the URL that it was downloaded from and its version there, where nobody says sums. */
  readonly source?: string | undefined;
  /** The text of one that becomes a blob with the model that it is for. */
  readonly text?: string | undefined;
}

/** Whose a store is. */
export type StoreKind = 'own' | 'others';

const mostBytes = 4 * 2 ** 20;
const digestPattern = /^sha256:[0-9a-f]{64}$/;
const digest = z.string().regex(digestPattern);

/** True for a text such as digests are. */
export const isDigest = (text: string): boolean => digestPattern.test(text);

const blobLayer = z.object({ mediaType: z.string(), digest, size: z.number().default(0) });
const ownLayer = z.object({ ...blobLayer.shape, source: z.string().optional() });
const fileLayer = z.object({ ...ownLayer.shape, digest: digest.optional(), file: z.string() });
/** Only our own manifests name files: others' come from registries. */
const schemas: Readonly<Record<StoreKind, z.ZodType<{ readonly layers: readonly ManifestLayer[] }>>> = {
  own: z.object({ layers: z.array(z.union([fileLayer, ownLayer])) }),
  others: z.object({ layers: z.array(blobLayer) }),
};

/** The host and the namespace that names leave out. */
const usualHost = 'registry.ollama.ai';
const usualNamespace = 'library';

/** Folders and the file of a manifest: host, namespace, model, tag. */
export type ManifestPath = readonly string[];

/** A part of a name, which is safe as a file's name. */
const part = /^[a-z0-9_][a-z0-9._-]{0,127}$/;
const hostPart = /^[a-z0-9][a-z0-9.-]{0,251}(?::\d{1,5})?$/;
/** The ending of a file that is being written. */
const beingWritten = /\.tmp$/;
/** Folders of a manifest, and its file. */
const levels = 4;

/**
 * The place of a model by its name: "[host/][namespace/]model[:tag]", in lower case. Throws BAD_OPTION unless each part
 * can be a file's name.
 */
export function manifestPathOf(name: string): ManifestPath {
  const lower = name.toLowerCase().replace(/^https?:\/\//, '');
  const [, before, model = '', tag = 'latest'] = /^(?:(.*)\/)?([^/:]*)(?::([^/:]*))?$/.exec(lower) ?? [];
  const folders = before?.split('/') ?? [];
  const namespace = folders.at(-1) ?? usualNamespace;
  const host = folders.length > 1 ? folders.slice(0, -1).join('/') : usualHost;
  const parts = [namespace, model, tag];
  if (hostPart.test(host) && parts.every((text) => part.test(text) && !beingWritten.test(text))) {
    return [host.replace(':', '%'), namespace, model, tag];
  }
  const expected = 'a name such as mario, mario:8b or me/mario, of letters, digits, dots and dashes';
  throw new EngineError('BAD_OPTION', { option: 'model', value: name, expected });
}

/** The name of a model by the place of its manifest: "pocket:135m", "someone/pocket:latest", "hf.co/org/name:Q4_K_M". */
export function nameOfManifest([host = '', namespace = '', model = '', tag = '']: ManifestPath): string {
  const before = [
    host === usualHost ? '' : host.replace('%', ':'),
    host === usualHost && namespace === usualNamespace ? '' : namespace,
  ];
  return `${[...before, model].filter(Boolean).join('/')}:${tag}`;
}

/** A name as the store has it, with its tag: "Mario" -> "mario:latest". Throws BAD_OPTION. */
export const storedName = (name: string): string => nameOfManifest(manifestPathOf(name));

/** The places of all manifests of a store, in order. */
export function* manifestsOf(store: string, unreadable: Unreadable): Generator<ManifestPath> {
  yield* inFolder(join(store, 'manifests'), unreadable, []);
}

function* inFolder(folder: string, unreadable: Unreadable, above: readonly string[]): Generator<readonly string[]> {
  for (const name of visibleNames(folder, unreadable)) {
    const names = [...above, name];
    if (names.length === levels) {
      if (!beingWritten.test(name)) yield names;
    } else if (isFolder(join(folder, name))) yield* inFolder(join(folder, name), unreadable, names);
  }
}

/** The layers of a manifest. Throws the system's errors and zod's. */
export const readManifest = (path: string, kind: StoreKind): readonly ManifestLayer[] =>
  schemas[kind].parse(JSON.parse(readTextFile(path, mostBytes))).layers;

/** The text of a manifest that `readManifest` reads. */
export const manifestText = (layers: readonly ManifestLayer[]): string =>
  `${JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    layers: layers.map(({ text: _, ...layer }) => layer),
  })}\n`;

/** The last part of a layer's media type: model, template, params, system, adapter, … */
export const kindOf = ({ mediaType }: Pick<ManifestLayer, 'mediaType'>): string =>
  mediaType.split('.').at(-1) ?? mediaType;

/** The media type of a kind. */
export const mediaTypeOf = (kind: string): string => `application/vnd.ollama.image.${kind}`;

/** A text as a layer. */
export const textLayer = (kind: string, text: string): ManifestLayer & { readonly digest: string } => ({
  mediaType: mediaTypeOf(kind),
  digest: `sha256:${createHash('sha256').update(text).digest('hex')}`,
  size: Buffer.byteLength(text),
  text,
});

/** The file's name of a blob. */
export const blobName = (digest: string): string => digest.replace(':', '-');

/** The file of a layer. */
export const fileOf = (store: string, { digest = '', file }: ManifestLayer): string =>
  file === undefined ? join(store, 'blobs', blobName(digest)) : isAbsolute(file) ? file : join(store, file);
