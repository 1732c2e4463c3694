import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { arr, bool, f32, scalar, str, u32, writeGguf } from '../../bench/gguf-writer.ts';
import { sharedPath } from '../../test/support/temp-folder.ts';
import { EngineError } from '../base/errors.ts';
import { openModelFile } from './model-file.ts';
import { type GgmlType, typeNamed } from './types.ts';

const path = sharedPath('model.gguf');

/** A small valid model with every kind of entry, and the end of its header. */
function healthy(): { bytes: Buffer; header: number } {
  const hole = (name: string, type: string, shape: readonly number[]) =>
    ({ name, type: typeNamed(type) as GgmlType, shape, data: 'hole' }) as const;
  writeGguf(path, {
    metadata: {
      'general.architecture': str('llama'),
      'llama.block_count': u32(2),
      'llama.rope.freq_base': f32(10000),
      'tokenizer.ggml.tokens': arr('string', ['<s>', 'a', 'bc', '', 'def']),
      'tokenizer.ggml.scores': arr('f32', [0, 1, 2, 3, 4]),
      'tokenizer.ggml.flags': arr('bool', [true, false]),
      'tokenizer.chat_template': str('{{ message }}'.repeat(100)),
      'general.large': scalar('u64', 2n ** 60n),
      'general.flag': bool(true),
      'split.count': scalar('u16', 1),
    },
    tensors: [
      hole('token_embd.weight', 'q4_0', [64, 5]),
      hole('blk.0.w', 'f32', [3, 2, 1, 2]),
      hole('b', 'q6_K', [256]),
    ],
    alignment: 64,
  });
  const { weights } = openModelFile(path);
  return { bytes: readFileSync(path), header: Math.min(...[...weights.values()].map((w) => w.extent.offset)) };
}

const { bytes: original, header } = healthy();

/** Opens the model and asks for everything it has. */
function exhaust(): void {
  const { metadata } = openModelFile(path);
  for (const key of metadata.keys()) {
    const value = metadata.raw(key);
    if (typeof value !== 'object') continue;
    if (value.type === 'string') metadata.strings(key);
    else if (value.type === 'bool') metadata.booleans(key);
    else metadata.numbers(key);
  }
}

type Damage = (bytes: Buffer) => Buffer;

const at = fc.nat({ max: header - 1 });
const patched =
  (patch: Uint8Array, offset: number): Damage =>
  (bytes) => {
    const start = Math.min(offset, bytes.length);
    bytes.set(patch.subarray(0, bytes.length - start), start);
    return bytes;
  };
const u64Bytes = (value: bigint): Uint8Array => scalar('u64', value).payload;

const bitFlip = fc.tuple(at, fc.nat({ max: 7 })).map(
  ([offset, bit]): Damage =>
    (bytes) => {
      bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
      return bytes;
    },
);
const overwrite = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 16 }), at)
  .map(([patch, offset]) => patched(patch, offset));
const inflate = fc
  .tuple(
    fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.nat({ max: 64 }).map((n) => 2n ** BigInt(n) - 1n),
    ),
    at,
  )
  .map(([value, offset]) => patched(u64Bytes(value), offset));
const truncate = at.map(
  (size): Damage =>
    (bytes) =>
      bytes.subarray(0, size),
);
const splice = fc.tuple(at, at, fc.nat({ max: 64 })).map(
  ([to, from, length]): Damage =>
    (bytes) =>
      Buffer.concat([bytes.subarray(0, to), bytes.subarray(from, from + length), bytes.subarray(to)]),
);
const cut = fc.tuple(at, fc.integer({ min: 1, max: 64 })).map(
  ([from, length]): Damage =>
    (bytes) =>
      Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]),
);

const damage = fc.array(fc.oneof(bitFlip, overwrite, inflate, truncate, splice, cut), { minLength: 1, maxLength: 3 });

test('a damaged header gives a model or an error that says so, in little memory', () => {
  const seen = new Set<string>();
  const memory = process.resourceUsage().maxRSS;
  fc.assert(
    fc.property(damage, (damages) => {
      writeFileSync(
        path,
        damages.reduce<Buffer>((bytes, apply) => apply(bytes), Buffer.from(original)),
      );
      try {
        exhaust();
        seen.add('none');
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        seen.add(error.code);
      }
    }),
    { seed: 1, numRuns: 2000 },
  );
  const grown = process.resourceUsage().maxRSS - memory;
  assert.ok(grown < 100 * 1024, `${grown} KiB`);
  for (const code of ['none', 'GGUF_CORRUPT', 'GGUF_TRUNCATED', 'GGUF_VERSION', 'NOT_GGUF', 'UNKNOWN_TENSOR_TYPE']) {
    assert.ok(seen.has(code), `${code} never came up`);
  }
});
