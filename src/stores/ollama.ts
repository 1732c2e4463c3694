import { statSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { at } from '../base/at.ts';
import { readTextFile } from '../base/regular-file.ts';
import type { Preset } from '../model/preset.ts';
import type { FoundModel, Unreadable } from './found-model.ts';
import {
  fileOf,
  kindOf,
  type ManifestPath,
  manifestsOf,
  nameOfManifest,
  readManifest,
  type StoreKind,
} from './manifest.ts';

const mostBytes = 4 * 2 ** 20;

const messages = z.array(z.object({ role: z.string(), content: z.string() }));
const parameters = z.record(z.string(), z.unknown());

/** The models of a store in Ollama's layout, with what comes with them. Those without a GGUF file are left out. */
export function modelsOfOllama(
  store: string,
  unreadable: Unreadable,
  kind: StoreKind = 'others',
): readonly FoundModel[] {
  return [...manifestsOf(store, unreadable)].flatMap((names) => {
    try {
      return modelOf(store, names, kind) ?? [];
    } catch (error) {
      unreadable(join(store, 'manifests', ...names), error as Error);
      return [];
    }
  });
}

function modelOf(store: string, names: ManifestPath, kind: StoreKind): FoundModel | undefined {
  const manifest = join(store, 'manifests', ...names);
  const layers = readManifest(manifest, kind);
  const files = (wanted: string): readonly string[] =>
    layers.filter((layer) => kindOf(layer) === wanted).map((layer) => fileOf(store, layer));
  const texts = (wanted: string): readonly string[] => files(wanted).map((file) => readTextFile(file, mostBytes));
  const json = <T>(wanted: string, schema: z.ZodType<T>): T | undefined =>
    texts(wanted).map((text) => schema.parse(JSON.parse(text)))[0];
  const models = files('model');
  if (models.length === 0) return undefined;
  for (const file of models) statSync(file);
  const preset: Preset = {
    system: texts('system')[0],
    parameters: json('params', parameters),
    messages: json('messages', messages),
    template: texts('template')[0],
    adapters: files('adapter').map((file) => ({ file, scale: 1 })),
    license: texts('license').join('\n\n') || undefined,
  };
  const name = nameOfManifest(names);
  return { path: at(models, 0), stem: name.replace(':', '-'), name, preset, manifest };
}
