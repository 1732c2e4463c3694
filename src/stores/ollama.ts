import { statSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { readTextFile } from '../base/regular-file.ts';
import type { Preset } from '../model/preset.ts';
import { isFolder, visibleNames } from './folder-models.ts';
import type { FoundModel, Unreadable } from './found-model.ts';

/** The host and the namespace that names leave out. */
const usualHost = 'registry.ollama.ai';
const usualNamespace = 'library';
/** Folders of a manifest: host, namespace, model, tag. */
const levels = 4;
const mostBytes = 4 * 2 ** 20;

const layers = z.object({
  layers: z.array(z.object({ mediaType: z.string(), digest: z.string().regex(/^sha256:[0-9a-f]{64}$/) })),
});
const messages = z.array(z.object({ role: z.string(), content: z.string() }));
const parameters = z.record(z.string(), z.unknown());

/** The name of a model by the folders of its manifest: "pocket:135m", "someone/pocket:latest", "hf.co/org/name:Q4_K_M". */
function ollamaName([host, namespace, model, tag]: readonly string[]): string {
  const before = [host === usualHost ? '' : host, host === usualHost && namespace === usualNamespace ? '' : namespace];
  return `${[...before, model].filter(Boolean).join('/')}:${tag}`;
}

/** The models of Ollama's store, with what comes with them. Those without a GGUF file are left out. */
export function modelsOfOllama(folder: string, unreadable: Unreadable): readonly FoundModel[] {
  return [...manifests(join(folder, 'manifests'), unreadable)].flatMap((names) => {
    const path = join(folder, 'manifests', ...names);
    try {
      return modelOf(folder, names, layersOf(path)) ?? [];
    } catch (error) {
      unreadable(path, error as Error);
      return [];
    }
  });
}

function* manifests(
  folder: string,
  unreadable: Unreadable,
  above: readonly string[] = [],
): Generator<readonly string[]> {
  for (const name of visibleNames(folder, unreadable)) {
    const names = [...above, name];
    if (names.length === levels) yield names;
    else if (isFolder(join(folder, name))) yield* manifests(join(folder, name), unreadable, names);
  }
}

/** Digests of the layers of a manifest, by kind: model, template, params, system, adapter, … */
function layersOf(manifest: string): ReadonlyMap<string, string> {
  const read = layers.parse(JSON.parse(readTextFile(manifest, mostBytes)));
  return new Map(read.layers.map(({ mediaType, digest }) => [mediaType.split('.').at(-1) ?? mediaType, digest]));
}

function modelOf(
  folder: string,
  names: readonly string[],
  digests: ReadonlyMap<string, string>,
): FoundModel | undefined {
  const blob = (digest: string): string => join(folder, 'blobs', digest.replace(':', '-'));
  const text = (kind: string): string | undefined => {
    const digest = digests.get(kind);
    return digest === undefined ? undefined : readTextFile(blob(digest), mostBytes);
  };
  const json = <T>(kind: string, schema: z.ZodType<T>): T | undefined => {
    const found = text(kind);
    return found === undefined ? undefined : schema.parse(JSON.parse(found));
  };
  const model = digests.get('model');
  if (model === undefined) return undefined;
  if (digests.has('adapter')) throw new Error('it has an adapter (LoRA), which is not supported yet');
  statSync(blob(model));
  const preset: Preset = {
    system: text('system'),
    parameters: json('params', parameters),
    messages: json('messages', messages),
    goTemplate: digests.has('template'),
  };
  const name = ollamaName(names);
  return { path: blob(model), stem: name.replace(':', '-'), name, preset };
}
