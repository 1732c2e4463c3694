import { readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../base/attempt.ts';
import { FileLock } from '../base/file-lock.ts';
import { readTextFile } from '../base/regular-file.ts';

/** A model whose download has ended early, and goes on with the next pull. */
export interface UnfinishedModel {
  readonly name: string;
  /** The name, or the URL, that pulls it; undefined for a URL that was not kept. */
  readonly pulledBy: string | undefined;
  /** Bytes that it takes on the disk. */
  readonly bytes: number;
  /** The folders of its files. */
  readonly folders: readonly string[];
}

/** The file that says whose the others in its folder are, and in a second line by what they are pulled. */
const nameFile = 'name';
const mostName = 8192;
const blockBytes = 512;

const namesIn = (folder: string): readonly string[] => attempt(() => readdirSync(folder)) ?? [];

/** Says for which model the files in a folder come, and by which name or URL it is pulled, unless that is too long. */
export function nameUnfinished(folder: string, name: string, pulledBy: string = ''): void {
  const text = `${name}\n${pulledBy}`;
  const kept = Buffer.byteLength(text) <= mostName ? text : `${name}\n`;
  attempt(() => writeFileSync(join(folder, nameFile), kept, { mode: 0o600 }));
}

/** Removes a folder in which there is nothing that could go on later. */
export function clearUnfinished(folder: string): void {
  if (namesIn(folder).every((name) => name === nameFile))
    attempt(() => rmSync(join(folder, nameFile), { force: true }));
  attempt(() => rmdirSync(folder));
}

/** The models in the folder of unfinished downloads, by name. */
export function unfinishedModels(folder: string): readonly UnfinishedModel[] {
  const models = new Map<string, UnfinishedModel>();
  for (const entry of namesIn(folder)) {
    const inner = join(folder, entry);
    const [name, pulledBy = name] = attempt(() => readTextFile(join(inner, nameFile), mostName))?.split('\n') ?? [];
    if (name === undefined) continue;
    const { bytes = 0, folders = [] } = models.get(name) ?? {};
    const all = { bytes: bytes + bytesIn(inner), folders: [...folders, inner] };
    models.set(name, { name, pulledBy: pulledBy || undefined, ...all });
  }
  return [...models.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Bytes on the disk: files have holes for what has not come. */
const bytesIn = (folder: string): number =>
  namesIn(folder).reduce((sum, name) => {
    const state = attempt(() => statSync(join(folder, name)));
    return sum + (state ? Math.min(state.size, (state.blocks ?? Number.POSITIVE_INFINITY) * blockBytes) : 0);
  }, 0);

/** Removes what has come of a model. Throws FILE_IN_USE while a process downloads it. */
export function removeUnfinishedModel({ folders }: UnfinishedModel): void {
  for (const folder of folders) {
    const files = namesIn(folder).filter((name) => name.endsWith('.gguf'));
    for (const file of files) {
      const path = join(folder, file);
      using _ = FileLock.acquire(path);
      for (const each of [path, `${path}.json`]) rmSync(each, { force: true });
    }
    clearUnfinished(folder);
  }
}
