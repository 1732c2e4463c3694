import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';
import { shardsOf } from '../gguf/model-file.ts';
import { kindOf, type ManifestLayer, manifestPathOf, nameOfManifest, textLayer } from '../stores/manifest.ts';
import { nameForStem } from '../stores/model-stem.ts';
import { Download, type DownloadOptions } from './download.ts';
import { hubModel } from './hub.ts';
import { type PullSource, pullSource } from './pull-source.ts';
import { registryModel } from './registry.ts';
import { explained, type RemoteFile, remoteFileAt } from './remote-file.ts';
import { modelLayers, type RemoteLayer, type RemoteModel } from './remote-model.ts';
import { Web, type WebOptions } from './web.ts';

export interface PullOptions extends Omit<DownloadOptions, 'name' | 'pulledBy'> {
  readonly web: WebOptions;
  /** Whether a registry may be asked without encryption. */
  readonly insecure?: boolean | undefined;
}

/** Kinds of layers that are texts. */
const textKinds: ReadonlySet<string> = new Set(['template', 'system', 'params', 'messages', 'license']);

const isText = (layer: RemoteLayer): boolean => textKinds.has(kindOf(layer));

/**
 * Downloads a model to the store, where parts that are there are not downloaded again; after a failure, what has come is
 * kept for the next time. Returns its name in the store. Rejects with BAD_OPTION, REMOTE_NOT_FOUND, ACCESS_DENIED, UNREACHABLE,
 * DOWNLOAD_FAILED, DOWNLOAD_DAMAGED, NO_ROOM, UNWRITABLE, the errors of headers, or the signal's reason.
 */
export async function pullModel(name: string, options: PullOptions): Promise<string> {
  const { signal, store, onEvent } = options;
  const source = pullSource(name);
  await using web = new Web(options.web);
  onEvent({ kind: 'manifest' });
  const remote = await remoteModel(source, web, options);
  const stored = nameOfManifest(manifestPathOf(remote.name));
  if (remote.note !== undefined) onEvent({ kind: 'note', text: remote.note });
  const texts: ManifestLayer[] = [];
  for (const layer of remote.layers.filter(isText)) texts.push(await fetchText(layer, web, options));
  const files = remote.layers.filter((layer) => !isText(layer));
  const pulledBy = source.kind === 'url' ? keptUrl(source.url) : stored;
  await using download = await Download.begin(files, web, { ...options, name: stored, pulledBy });
  await download.fetch();
  const layers = await download.finish();
  signal.throwIfAborted();
  onEvent({ kind: 'writing' });
  await store.write(remote.name, [...layers, ...texts]);
  return stored;
}

/** A URL that may be kept and shown; undefined for one that may hold a secret, in its query or before its host. */
function keptUrl(url: string): string | undefined {
  const { search, username, password } = new URL(url);
  return search === '' && username === '' && password === '' ? url : undefined;
}

function remoteModel(source: PullSource, web: Web, { signal, insecure = false }: PullOptions): Promise<RemoteModel> {
  switch (source.kind) {
    case 'repository':
      return hubModel(source, web, signal);
    case 'registry':
      return registryModel(source, web, { signal, insecure });
    case 'url':
      return urlModel(source.url, web, signal);
    default:
      return source satisfies never;
  }
}

/** The model of a GGUF file, with its other parts, if it is one of several. */
async function urlModel(url: string, web: Web, signal: AbortSignal): Promise<RemoteModel> {
  const { pathname } = new URL(url);
  const last = pathname.slice(pathname.lastIndexOf('/') + 1);
  const { stem, files } = shardsOf(attempt(() => decodeURIComponent(last)) ?? last);
  const remotes: RemoteFile[] = [];
  for (const file of files) {
    const part = new URL(url);
    if (files.length > 1) part.pathname = pathname.slice(0, -last.length) + encodeURIComponent(file);
    remotes.push(await remoteFileAt(part.href, file, web, signal));
  }
  return { name: nameForStem(stem), layers: modelLayers(remotes) };
}

/** A short layer, with its text unless that is in the store. Rejects with DOWNLOAD_DAMAGED and the errors of requests. */
async function fetchText(layer: RemoteLayer, web: Web, { store, signal }: PullOptions): Promise<ManifestLayer> {
  const { url, digest, size } = layer.file;
  const { mediaType } = layer;
  if (digest !== undefined && store.hasBlob(digest)) return { mediaType, digest, size };
  const { text } = await web.text(url, { signal }).catch((error) => {
    throw explained(error, web);
  });
  const fetched = textLayer(kindOf(layer), text);
  if (fetched.digest !== digest) throw new EngineError('DOWNLOAD_DAMAGED', { url, bytes: size });
  return { ...fetched, mediaType };
}
