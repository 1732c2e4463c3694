import { createHash } from 'node:crypto';
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

const write = (path: string, content: string | Uint8Array): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
};

/** Lays a model out as Ollama does, with layers beside it, by kind. */
export function asOllama(
  store: string,
  names: readonly [host: string, namespace: string, model: string, tag: string],
  layers: Readonly<Record<string, string | Uint8Array>>,
): void {
  const listed = Object.entries(layers).map(([kind, content]) => {
    const hex = createHash('sha256').update(content).digest('hex');
    write(join(store, 'blobs', `sha256-${hex}`), content);
    return { mediaType: `application/vnd.ollama.image.${kind}`, digest: `sha256:${hex}`, size: content.length };
  });
  write(join(store, 'manifests', ...names), JSON.stringify({ schemaVersion: 2, layers: listed }));
}

/** Lays a model out as Hugging Face's cache does: snapshots of links to blobs. */
export function asHuggingFace(
  hub: string,
  repository: string,
  { file, from, snapshot = 'abc' }: { file: string; from: string; snapshot?: string },
): void {
  const folder = join(hub, `models--${repository.replace('/', '--')}`);
  const blob = createHash('sha256').update(file).digest('hex');
  for (const inner of ['blobs', 'refs', join('snapshots', snapshot)])
    mkdirSync(join(folder, inner), { recursive: true });
  copyFileSync(from, join(folder, 'blobs', blob));
  writeFileSync(join(folder, 'refs', 'main'), snapshot);
  symlinkSync(join('..', '..', 'blobs', blob), join(folder, 'snapshots', snapshot, file));
}

/** Every file and link of a folder with its time and content: what a store must keep. */
export function snapshotOf(folder: string): readonly string[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      const state = lstatSync(path);
      if (state.isDirectory()) return [`${path} ${state.mtimeMs}`, ...snapshotOf(path)];
      const content = state.isSymbolicLink() ? readlinkSync(path) : readFileSync(path);
      return [`${path} ${state.mtimeMs} ${createHash('sha256').update(content).digest('hex')}`];
    });
}
