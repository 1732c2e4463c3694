import { basename, dirname, join } from 'node:path';
import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { type Header, readHeader } from './header.ts';
import type { Metadata } from './metadata.ts';
import { elementCount, type Weight } from './weight.ts';

/** A model as it lies on disk: one file, or all of its shards. The metadata are the first shard's. */
export interface ModelFile {
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly metadata: Metadata;
  readonly weights: ReadonlyMap<string, Weight>;
  /** Elements of all tensors. */
  readonly parameters: number;
  /** Bytes of all tensors. */
  readonly bytes: number;
}

/** The parts of a name like "model-00002-of-00003.gguf". `shard` counts from 1. */
interface ShardName {
  readonly prefix: string;
  readonly shard: number;
  readonly count: number;
}

const pad = (n: number): string => String(n).padStart(5, '0');

/** The name of shard `shard` (from 1) of `count`, as llama.cpp's tools write it. */
export const shardPath = (prefix: string, shard: number, count: number): string =>
  `${prefix}-${pad(shard)}-of-${pad(count)}.gguf`;

const mismatch = (file: string, what: string): EngineError => new EngineError('SHARD_MISMATCH', { file, what });

function parseShardName(path: string): ShardName | undefined {
  const [, name, shard, count] = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/.exec(basename(path)) ?? [];
  if (name === undefined) return undefined;
  return { prefix: join(dirname(path), name), shard: Number(shard), count: Number(count) };
}

const isPossible = ({ shard, count }: ShardName): boolean => shard >= 1 && shard <= count;

/**
 * The stem of a model by the name of a file, which is the name without part and ending, and the paths of all of its
 * files, the first one first. They need not exist.
 */
export function shardsOf(path: string): { readonly stem: string; readonly files: readonly string[] } {
  const name = parseShardName(path);
  if (!name || !isPossible(name)) return { stem: basename(path).replace(/\.gguf$/i, ''), files: [path] };
  const { prefix, count } = name;
  return { stem: basename(prefix), files: Array.from({ length: count }, (_, i) => shardPath(prefix, i + 1, count)) };
}

function readShard(path: string, shard: number, count: number): Header {
  try {
    return readHeader(path, shard - 1);
  } catch (cause) {
    if (!(cause instanceof EngineError) || cause.code !== 'MODEL_NOT_FOUND') throw cause;
    throw new EngineError('MISSING_SHARD', { file: path, shard, count }, { cause });
  }
}

function checkShard({ path, metadata }: Header, shard: number, count: number): void {
  const said = { shard: metadata.number('split.no', shard - 1) + 1, count: metadata.number('split.count', count) };
  if (said.shard !== shard || said.count !== count) {
    throw mismatch(path, `it says it is part ${said.shard} of ${said.count}, not ${shard} of ${count}`);
  }
}

function openShards(path: string, name: ShardName): readonly Header[] {
  const { prefix, shard, count } = name;
  // The file that was asked for comes first: it is the one to name when nothing is there.
  const given = readHeader(path, shard - 1);
  return Array.from({ length: count }, (_, i) => {
    const header = i + 1 === shard ? given : readShard(shardPath(prefix, i + 1, count), i + 1, count);
    checkShard(header, i + 1, count);
    return header;
  });
}

function openSingle(path: string): readonly Header[] {
  const header = readHeader(path);
  const count = header.metadata.number('split.count', 1);
  if (count > 1)
    throw mismatch(path, `it is one of ${count} parts, but its name does not end like ${shardPath('', 1, count)}`);
  return [header];
}

function joinWeights(headers: readonly Header[]): ReadonlyMap<string, Weight> {
  const weights = new Map<string, Weight>();
  for (const { path, weights: own } of headers) {
    for (const [name, weight] of own) {
      if (weights.has(name)) throw mismatch(path, `tensor ${name} is in another part too`);
      weights.set(name, weight);
    }
  }
  return weights;
}

/**
 * Opens a GGUF model by the path of its file, or of any of its shards; no file stays open. Throws MISSING_SHARD,
 * SHARD_MISMATCH and the errors of `readHeader`.
 */
export function openModelFile(path: string): ModelFile {
  const name = parseShardName(path);
  if (name && !isPossible(name)) throw mismatch(path, `its name says part ${name.shard} of ${name.count}`);
  const headers = name ? openShards(path, name) : openSingle(path);
  const { metadata } = at(headers, 0);
  const weights = joinWeights(headers);
  const tensors = metadata.number('split.tensors.count', weights.size);
  if (tensors !== weights.size) throw mismatch(path, `its parts hold ${weights.size} tensors instead of ${tensors}`);
  let parameters = 0;
  let bytes = 0;
  for (const { shape, extent } of weights.values()) {
    parameters += elementCount(shape);
    bytes += extent.length;
  }
  return { files: headers.map(({ path, size }) => ({ path, size })), metadata, weights, parameters, bytes };
}
