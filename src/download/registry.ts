import * as z from 'zod';
import { EngineError } from '../base/errors.ts';
import { kindOf } from '../stores/manifest.ts';
import { nearest } from './nearest.ts';
import { type RegistrySource, registryName } from './pull-source.ts';
import { explained } from './remote-file.ts';
import type { RemoteLayer, RemoteModel } from './remote-model.ts';
import { StatusError, type Web } from './web.ts';

const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';
const mostNearest = 4;

const manifestSchema = z.object({
  layers: z.array(
    z.object({
      mediaType: z.string(),
      digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
      size: z.number().int().min(0),
    }),
  ),
});
const tagsSchema = z.object({ tags: z.array(z.string()) });

/** Kinds of layers that are kept: not those for images. */
const keptKinds: ReadonlySet<string> = new Set([
  'model',
  'adapter',
  'template',
  'system',
  'params',
  'messages',
  'license',
]);

/** Hosts that are asked without encryption: this machine. */
const isLocal = (host: string): boolean => /^(?:localhost|127\.[\d.]+|\[::1\])(?::\d+)?$/.test(host);

/**
 * A model of a registry; `insecure` ones are asked without encryption. Rejects with REMOTE_NOT_FOUND, ACCESS_DENIED,
 * UNREACHABLE, DOWNLOAD_FAILED.
 */
export async function registryModel(
  source: RegistrySource,
  web: Web,
  { signal, insecure }: { readonly signal: AbortSignal; readonly insecure: boolean },
): Promise<RemoteModel> {
  const { host, model, tag } = source;
  const root = `${insecure || isLocal(host) ? 'http' : 'https'}://${host}/v2/${model}`;
  const name = registryName(source);
  const manifest = await web
    .json(`${root}/manifests/${tag}`, manifestSchema, { signal, accept: manifestType })
    .catch(async (error) => {
      if (!(error instanceof StatusError) || error.status !== 404) throw explained(error, web);
      throw new EngineError('REMOTE_NOT_FOUND', { name, host, nearest: await nearestTags(root, source, web, signal) });
    });
  const layers = manifest.value.layers
    .filter((layer) => keptKinds.has(kindOf(layer)))
    .map(({ mediaType, digest, size }): RemoteLayer => {
      const url = `${root}/blobs/${digest}`;
      return { mediaType, file: { url, name: digest, size, digest, version: digest } };
    });
  if (!manifest.value.layers.some((layer) => kindOf(layer) === 'model')) {
    throw new EngineError('REMOTE_NOT_FOUND', { name: `GGUF file in ${name}`, host, nearest: [] });
  }
  return { name, layers };
}

/** Names of the same model with other tags, and of a repository of the same name; none where nobody tells. */
async function nearestTags(
  root: string,
  source: RegistrySource,
  web: Web,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    const { value } = await web.json(`${root}/tags/list`, tagsSchema, { signal });
    return nearest(source.tag, value.tags, mostNearest).map((tag) => registryName({ ...source, tag }));
  } catch {
    signal.throwIfAborted();
    return [];
  }
}
