import { basename } from 'node:path';
import * as z from 'zod';
import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { shardsOf } from '../gguf/model-file.ts';
import { tagInRepository } from '../stores/model-stem.ts';
import { nearest } from './nearest.ts';
import type { PullSource } from './pull-source.ts';
import { explained, type RemoteFile } from './remote-file.ts';
import { modelLayers, type RemoteModel } from './remote-model.ts';
import { type JsonReply, StatusError, type Web } from './web.ts';

type RepositorySource = PullSource & { readonly kind: 'repository' };

/** The quantization that is taken where none is named, as llama.cpp does. */
const usualQuantization = 'Q4_K_M';
/** Pages of a repository's list of files, with a thousand entries each. */
const mostPages = 50;
const mostNearest = 4;

/** A file of a repository. */
interface HubFile {
  readonly type: string;
  readonly path: string;
  /** Bytes; where it is a pointer to a large file, those of the pointer. */
  readonly size: number;
  /** A text that changes with the bytes. */
  readonly oid: string;
  readonly lfs?: { readonly oid: string; readonly size: number } | null | undefined;
}

const listSchema: z.ZodType<readonly HubFile[]> = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    size: z.number(),
    oid: z.string(),
    lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.number() }).nullish(),
  }),
);
const foundSchema = z.array(z.object({ id: z.string() }));

/** A model among the files of a repository. */
interface HubModel {
  readonly stem: string;
  /** The end of its name, or all of it. */
  readonly tag: string;
  readonly entries: readonly HubFile[];
}

/** A model of a repository. Rejects with REMOTE_NOT_FOUND, ACCESS_DENIED, UNREACHABLE, DOWNLOAD_FAILED. */
export async function hubModel(source: RepositorySource, web: Web, signal: AbortSignal): Promise<RemoteModel> {
  const { repository, quantization, file } = source;
  const models = modelsAmongEntries(await filesOf(repository, web, signal));
  if (models.length === 0) {
    throw missing(`GGUF files in ${repository}`, web, await nearestRepositories(`${repository}-GGUF`, web, signal));
  }
  const chosen = chooseModel(models, source);
  if (chosen === undefined) {
    const there = models.map(({ tag, entries }) => (file === undefined ? tag : at(entries, 0).path));
    const wanted = file ?? quantization ?? '';
    throw missing(`${repository}:${wanted}`, web, nearest(wanted, there, there.length));
  }
  const others = models.length - 1;
  const note = `${chosen.tag} is taken, the ${tagsEqual(chosen.tag, usualQuantization) ? 'usual' : 'first'} of ${models.length}; ${repository}:QUANT names another: ${models.map(({ tag }) => tag).join(', ')}`;
  return {
    name: `hf.co/${repository}:${chosen.tag}`,
    layers: modelLayers(chosen.entries.map((entry) => remoteOf(entry, repository, web))),
    note: quantization === undefined && file === undefined && others > 0 ? note : undefined,
  };
}

const tagsEqual = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** The models of GGUF files, in the order of their names. Parts of split ones belong together; some may be missing. */
function modelsAmongEntries(entries: readonly HubFile[]): readonly HubModel[] {
  const files = new Map(entries.filter(({ type }) => type === 'file').map((entry) => [entry.path, entry]));
  const models = new Map<string, HubModel>();
  for (const path of [...files.keys()].sort()) {
    // Beside models lie what they see with, and data for quantizing.
    if (!/\.gguf$/i.test(path) || /(?:^|[-._/])(?:mmproj|imatrix)\b/i.test(path)) continue;
    const { stem, files: shards } = shardsOf(path);
    const parts = shards.flatMap((shard) => files.get(shard) ?? []);
    if (parts.length < shards.length) continue;
    const tag = tagInRepository(basename(stem));
    models.set(at(shards, 0), { stem, tag, entries: parts });
  }
  return [...models.values()];
}

/** The model that a source means: of its file, of its quantization, or else the usual one, or the first. */
function chooseModel(
  models: readonly HubModel[],
  { quantization, file }: Pick<RepositorySource, 'quantization' | 'file'>,
): HubModel | undefined {
  if (file !== undefined) return models.find(({ entries }) => entries.some(({ path }) => path === file));
  const of = (tag: string): HubModel | undefined =>
    models.find((model) => tagsEqual(model.tag, tag)) ?? models.find(({ stem }) => endsWith(stem, tag));
  return quantization === undefined ? (of(usualQuantization) ?? models[0]) : of(quantization.replace(/\.gguf$/i, ''));
}

/** True for a name whose last parts are these: "model-UD-Q4_K_M" ends with "Q4_K_M". */
const endsWith = (stem: string, tag: string): boolean => {
  const before = stem.slice(0, Math.max(stem.length - tag.length, 0));
  return tagsEqual(stem.slice(before.length), tag) && /(?:^|[-._])$/.test(before);
};

const remoteOf = ({ path, size, oid, lfs }: HubFile, repository: string, { hub }: Web): RemoteFile => ({
  url: `${hub}/${repository}/resolve/main/${path.split('/').map(encodeURIComponent).join('/')}`,
  name: basename(path),
  size: lfs?.size ?? size,
  digest: lfs ? `sha256:${lfs.oid}` : undefined,
  version: lfs?.oid ?? oid,
});

async function filesOf(repository: string, web: Web, signal: AbortSignal): Promise<readonly HubFile[]> {
  const entries: HubFile[] = [];
  let next: string | undefined = `${web.hub}/api/models/${repository}/tree/main?recursive=true`;
  try {
    for (let pages = 0; next !== undefined && pages < mostPages; pages += 1) {
      const page: JsonReply<readonly HubFile[]> = await web.json(next, listSchema, { signal });
      entries.push(...page.value);
      const link = /<([^>]+)>;\s*rel="next"/.exec(page.header('link') ?? '')?.[1];
      next = link && new URL(link, next).href;
    }
  } catch (error) {
    // Without a token nobody is told that a repository does not exist.
    const unknown = error instanceof StatusError && (error.status === 404 || error.reason === 'RepoNotFound');
    if (unknown) throw missing(repository, web, await nearestRepositories(repository, web, signal));
    throw explained(error, web);
  }
  return entries;
}

const missing = (name: string, { hub }: Web, nearest: readonly string[]): EngineError =>
  new EngineError('REMOTE_NOT_FOUND', { name, host: new URL(hub).host, nearest });

/** Repositories with GGUF files whose names are most like this one; none where nobody tells. */
async function nearestRepositories(repository: string, web: Web, signal: AbortSignal): Promise<readonly string[]> {
  const [author = '', name = ''] = repository.split('/');
  const search = async (query: Readonly<Record<string, string>>): Promise<readonly string[]> => {
    const parameters = new URLSearchParams({ ...query, filter: 'gguf', sort: 'downloads', limit: '100' });
    const { value } = await web.json(`${web.hub}/api/models?${parameters}`, foundSchema, { signal });
    return value.map(({ id }) => id);
  };
  try {
    const [byName, byAuthor] = [await search({ search: name.replace(/-gguf$/i, '') }), await search({ author })];
    return nearest(repository, [...byName, ...byAuthor], mostNearest).map((id) => `hf.co/${id}`);
  } catch {
    signal.throwIfAborted();
    return [];
  }
}
