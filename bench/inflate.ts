import { closeSync, openSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { alignUp } from '../src/base/bytes.ts';
import { type ModelFile, openModelFile } from '../src/gguf/model-file.ts';
import { type GgmlType, rowBytes } from '../src/gguf/types.ts';
import type { Weight } from '../src/gguf/weight.ts';
import { f32, type MetadataValue, type TensorSource, u32, writeGguf } from './gguf-writer.ts';
import { positiveNumber } from './options.ts';
import { dequantize, quantizable, quantize } from './quantize.ts';
import { rawMetadata } from './raw-metadata.ts';

interface Sizes {
  /** Elements of the residual stream. */
  readonly width: number;
  /** Hidden elements of the feed-forward layer. */
  readonly feedForward: number;
  readonly layers: number;
}

export interface InflateOptions extends Sizes {
  /** ggml's name for the type of the layers' matrices; their own unless given, or where rows would not be whole blocks. */
  readonly type?: string;
}

interface Job {
  readonly model: ModelFile;
  readonly from: Sizes;
  readonly to: Sizes;
  readonly type: GgmlType | undefined;
}

/** Growth of a matrix: row r is the source's row r % rows, repeated to the new length; and then some of it is zero. */
interface Growth {
  readonly rowLength: number;
  readonly rows: number;
  /** Rows from here on have zeros for the source's inputs. */
  readonly live: number;
  /** Weights of inputs that the source has not: zero if false. They may be anything when those inputs are zero. */
  readonly filled: boolean;
}

/**
 * New elements of the residual stream must stay zero. New hidden elements of the feed-forward layer are zero too,
 * because `ffn_up` makes them so; `ffn_down` may then do with them what it likes. In an added layer that holds for all
 * hidden elements and, by `attn_v`, for all values; so it adds nothing.
 */
function growthOf({ from, to }: Job, name: string, shape: readonly number[], added: boolean): Growth {
  const [inputs = 0, outputs = 0] = shape;
  const widened: Growth = { rowLength: to.width, rows: outputs, live: outputs, filled: true };
  switch (name) {
    case 'token_embd.weight':
      return { ...widened, filled: false };
    case 'output.weight':
    case 'attn_q.weight':
    case 'attn_k.weight':
      return widened;
    case 'attn_v.weight':
      return { ...widened, live: added ? 0 : outputs };
    case 'attn_output.weight':
      return { rowLength: inputs, rows: to.width, live: added ? to.width : from.width, filled: true };
    case 'ffn_gate.weight':
      return { rowLength: to.width, rows: to.feedForward, live: to.feedForward, filled: true };
    case 'ffn_up.weight':
      return { rowLength: to.width, rows: to.feedForward, live: added ? 0 : from.feedForward, filled: true };
    case 'ffn_down.weight':
      return { rowLength: to.feedForward, rows: to.width, live: added ? to.width : from.width, filled: true };
    default:
      throw new Error(`do not know how to inflate ${name}`);
  }
}

/** All bytes of a weight. */
export function readWeight(model: ModelFile, { extent }: Weight): Uint8Array {
  const bytes = new Uint8Array(extent.length);
  const fd = openSync(model.files[extent.file]?.path ?? '', 'r');
  try {
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(fd, bytes, done, bytes.length - done, extent.offset + done);
      if (read === 0) throw new Error(`${model.files[extent.file]?.path} is cut short`);
      done += read;
    }
  } finally {
    closeSync(fd);
  }
  return bytes;
}

/** The rows of a matrix in another type, each padded with zeros to whole blocks. */
function requantize(bytes: Uint8Array, weight: Weight, type: GgmlType): Uint8Array {
  if (weight.type === type) return bytes;
  const [rowLength = 1, rows = 1] = weight.shape;
  const padded = alignUp(rowLength, type.block);
  const [from, to] = [rowBytes(weight.type, rowLength), rowBytes(type, padded)];
  const result = new Uint8Array(rows * to);
  const chunkRows = Math.max(1, Math.floor(2 ** 20 / padded));
  for (let start = 0; start < rows; start += chunkRows) {
    const count = Math.min(chunkRows, rows - start);
    const values = dequantize(weight.type, bytes.subarray(start * from, (start + count) * from));
    const chunk = new Float32Array(count * padded);
    for (let r = 0; r < count; r += 1) {
      chunk.set(values.subarray(r * rowLength, (r + 1) * rowLength), r * padded);
    }
    result.set(quantize(type, chunk, padded), start * to);
  }
  return result;
}

/** The type a matrix gets: embedding and head keep their own, being the first to suffer from a coarse one. */
function typeFor({ type }: Job, weight: Weight, rowLength: number): GgmlType {
  const fits = type && rowLength % type.block === 0 && weight.name.startsWith('blk.');
  const chosen = fits ? type : weight.type;
  if (rowLength % chosen.block !== 0) {
    throw new Error(`${weight.name}: rows of ${rowLength} are not whole blocks of ${chosen.block} (${chosen.name})`);
  }
  return chosen;
}

/** The bytes of a grown matrix, in chunks that are valid until the next. All zero bytes are zeros in every type. */
function* grow(model: ModelFile, weight: Weight, type: GgmlType, growth: Growth): Iterable<Uint8Array> {
  const source = requantize(readWeight(model, weight), weight, type);
  const sourceRows = weight.shape[1] ?? 1;
  const sourceRow = source.length / sourceRows;
  const row = rowBytes(type, growth.rowLength);
  const buffer = new Uint8Array(row * Math.min(growth.rows, Math.max(1, Math.floor(2 ** 22 / row))));
  let used = 0;
  for (let r = 0; r < growth.rows; r += 1) {
    const start = (r % sourceRows) * sourceRow;
    const bytes = source.subarray(start, start + sourceRow);
    const target = buffer.subarray(used, used + row);
    if (r < growth.live) target.set(bytes);
    else target.fill(0, 0, sourceRow);
    if (!growth.filled) target.fill(0, sourceRow);
    else
      for (let at = sourceRow; at < row; at += sourceRow)
        target.set(bytes.subarray(0, Math.min(sourceRow, row - at)), at);
    used += row;
    if (used === buffer.length || r === growth.rows - 1) {
      yield buffer.subarray(0, used);
      used = 0;
    }
  }
}

/** The mean square over more elements is smaller: by from / to, and so is epsilon. This makes up for it. */
function growNorm({ model, from, to }: Job, weight: Weight): Uint8Array {
  const values = new Float32Array(to.width);
  values.set(dequantize(weight.type, readWeight(model, weight)).map((v) => v * Math.sqrt(from.width / to.width)));
  return new Uint8Array(values.buffer);
}

/** `name` is the weight's in its layer, `fullName` what the grown one is called. */
function growTensor(job: Job, weight: Weight, { fullName, added }: { fullName: string; added: boolean }): TensorSource {
  const { model, to } = job;
  const name = weight.name.replace(/^blk\.\d+\./, '');
  if (name === 'rope_freqs.weight') {
    return { name: fullName, type: weight.type, shape: weight.shape, data: readWeight(model, weight) };
  }
  if (/^(?:attn|ffn|output)_norm\.weight$/.test(name)) {
    return { name: fullName, type: weight.type, shape: [to.width], data: growNorm(job, weight) };
  }
  const growth = growthOf(job, name, weight.shape, added);
  const type = typeFor(job, weight, growth.rowLength);
  const shape = [growth.rowLength, growth.rows];
  return { name: fullName, type, shape, data: () => grow(model, weight, type, growth) };
}

function growTensors(job: Job): readonly TensorSource[] {
  const { model, from, to } = job;
  const layers: Weight[][] = Array.from({ length: from.layers }, () => []);
  const [first, last]: [Weight[], Weight[]] = [[], []];
  for (const weight of model.weights.values()) {
    const [, il] = /^blk\.(\d+)\./.exec(weight.name) ?? [];
    const part = il === undefined ? (weight.name.startsWith('output') ? last : first) : layers[Number(il)];
    part?.push(weight);
  }
  const outside = (weight: Weight): TensorSource => growTensor(job, weight, { fullName: weight.name, added: false });
  const inside = (weight: Weight, il: number): TensorSource => {
    const fullName = weight.name.replace(/^blk\.\d+\./, `blk.${il}.`);
    return growTensor(job, weight, { fullName, added: il >= from.layers });
  };
  const grown = Array.from({ length: to.layers }, (_, il) =>
    (layers[il % from.layers] ?? []).map((weight) => inside(weight, il)),
  );
  return [...first.map(outside), ...grown.flat(), ...last.map(outside)];
}

function growMetadata({ model, from, to, type }: Job): Record<string, MetadataValue> {
  const { metadata } = model;
  const kept = Object.entries(rawMetadata(metadata.file)).filter(([key]) => !/^split\.|^general\.alignment$/.test(key));
  const heads = metadata.number('llama.attention.head_count');
  const epsilon = metadata.number('llama.attention.layer_norm_rms_epsilon');
  const keyLength = metadata.number('llama.attention.key_length', from.width / heads);
  const grown: Record<string, MetadataValue> = {
    ...Object.fromEntries(kept),
    'llama.embedding_length': u32(to.width),
    'llama.feed_forward_length': u32(to.feedForward),
    'llama.block_count': u32(to.layers),
    'llama.attention.key_length': u32(keyLength),
    'llama.attention.value_length': u32(metadata.number('llama.attention.value_length', keyLength)),
    'llama.rope.dimension_count': u32(metadata.number('llama.rope.dimension_count', keyLength)),
    'llama.attention.layer_norm_rms_epsilon': f32((epsilon * from.width) / to.width),
  };
  // They describe the source.
  delete grown['general.size_label'];
  if (type) delete grown['general.file_type'];
  return grown;
}

/**
 * Writes a larger model that computes the same logits as a small one of architecture llama, up to rounding: what is
 * added is zero or is multiplied by zero. Nearly all bytes are real weights or copies of them. Memory stays small.
 * The logits are even equal, bit for bit, where the width grows by a power of 4: then nothing is rounded anew.
 */
export function inflate(source: string, target: string, options: InflateOptions): void {
  const model = openModelFile(source);
  const { metadata } = model;
  if (metadata.string('general.architecture') !== 'llama') throw new Error(`${source} is not of architecture llama`);
  const from = {
    width: metadata.number('llama.embedding_length'),
    feedForward: metadata.number('llama.feed_forward_length'),
    layers: metadata.number('llama.block_count'),
  };
  for (const size of ['width', 'feedForward', 'layers'] as const) {
    if (options[size] < from[size]) throw new Error(`${size} can only grow, but ${options[size]} < ${from[size]}`);
  }
  const type = options.type === undefined ? undefined : quantizable(options.type);
  const job = { model, from, to: options, type };
  writeGguf(target, { metadata: growMetadata(job), tensors: growTensors(job) });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  new Command('inflate')
    .description('Write a larger llama model that says the same as a small one.')
    .argument('<source>', 'GGUF file of architecture llama')
    .argument('<target>', 'GGUF file to write')
    .requiredOption('--width <n>', 'elements of the residual stream', positiveNumber)
    .requiredOption('--feed-forward <n>', 'elements of the feed-forward layer', positiveNumber)
    .requiredOption('--layers <n>', 'layers', positiveNumber)
    .option('--type <name>', "type of the layers' matrices, such as q4_0 (default: as in the source)")
    .action((source: string, target: string, options: InflateOptions) => inflate(source, target, options))
    .parse();
}
