import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { alignUp } from '../src/base/bytes.ts';
import type { ErrorCode } from '../src/base/error-details.ts';
import { readHeader } from '../src/gguf/header.ts';
import { openModelFile } from '../src/gguf/model-file.ts';
import { Model } from '../src/model/model.ts';
import { trialKey, triedModels } from '../src/runtime/tried-models.ts';
import {
  type Entry,
  type Fields,
  joinFields,
  nameOf,
  parseFields,
  textFields,
  u32,
  u64,
} from './long/attacks/header-fields.ts';
import { architectureFile } from './support/architectures/architecture-file.ts';
import { run } from './support/cli.ts';
import { engineError } from './support/engine-error.ts';
import { frugal, postTo, serve } from './support/server.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();

type Change = (fields: Fields) => Fields;

/** The small model of an architecture, with another header. */
function changed(name: string, change: Change, file = 'changed.gguf'): string {
  const path = architectureFile(folder.file(file), name, { vocabulary: true });
  const bytes = readFileSync(path);
  const header = joinFields(change(parseFields(bytes)));
  const padding = Buffer.alloc(alignUp(header.length, 32) - header.length);
  writeFileSync(path, Buffer.concat([header, padding, bytes.subarray(readHeader(path).dataOffset)]));
  return path;
}

/** Changes the fields behind the names of entries, each of which must be there. */
const withValue =
  (name: string, value: (entry: Entry) => Entry): Change =>
  (fields) => {
    assert.ok(
      [...fields.entries, ...fields.tensors].some((entry) => nameOf(entry) === name),
      name,
    );
    const replace = (entry: Entry): Entry =>
      nameOf(entry) === name ? [...entry.slice(0, 2), ...value(entry.slice(2))] : entry;
    return { ...fields, entries: fields.entries.map(replace), tensors: fields.tensors.map(replace) };
  };

const [u32Type, arrayType] = [4, 9];

const withNumber = (key: string, value: number): Change =>
  withValue(key, () => [
    { kind: 'type', bytes: u32(u32Type) },
    { kind: 'number', bytes: u32(value) },
  ]);

const withList = (key: string, values: readonly number[]): Change =>
  withValue(key, () => [
    { kind: 'type', bytes: u32(arrayType) },
    { kind: 'type', bytes: u32(u32Type) },
    { kind: 'count', bytes: u64(BigInt(values.length)) },
    ...values.map((value) => ({ kind: 'number', bytes: u32(value) }) as const),
  ]);

/** Sets the last dimension of a tensor, which stands before its type and place. */
const withLast = (tensor: string, length: number): Change =>
  withValue(tensor, (fields) => fields.with(-3, { kind: 'number', bytes: u64(BigInt(length)) }));

/** Renames a tensor, so that it is missing. */
const without =
  (tensor: string): Change =>
  (fields) => ({
    ...fields,
    tensors: fields.tensors.map((entry) =>
      nameOf(entry) === tensor ? [...textFields('another'), ...entry.slice(2)] : entry,
    ),
  });

const refused: Readonly<Record<string, readonly [ErrorCode, object, () => string]>> = {
  'a bank with fewer experts than there are': [
    'WRONG_SHAPE',
    { tensor: 'blk.1.ffn_up_exps.weight' },
    () => changed('qwen3moe', withLast('blk.1.ffn_up_exps.weight', 7)),
  ],
  'tokens that use no expert': [
    'METADATA_INVALID',
    { key: 'qwen3moe.expert_used_count' },
    () => changed('qwen3moe', withNumber('qwen3moe.expert_used_count', 0)),
  ],
  'tokens that use more experts than there are': [
    'METADATA_INVALID',
    { key: 'qwen3moe.expert_used_count' },
    () => changed('qwen3moe', withNumber('qwen3moe.expert_used_count', 9)),
  ],
  'no shared expert where the architecture has one': [
    'MISSING_TENSOR',
    { tensor: 'blk.1.ffn_gate_shexp.weight' },
    () => changed('deepseek2', without('blk.1.ffn_gate_shexp.weight')),
  ],
  'head counts for more layers than there are': [
    'METADATA_INVALID',
    { key: 'lfm2.attention.head_count_kv' },
    () => changed('lfm2', withList('lfm2.attention.head_count_kv', [2, 0, 2])),
  ],
  'head counts by layer that its matrices do not have': [
    'WRONG_SHAPE',
    { tensor: 'blk.0.attn_k.weight' },
    () => changed('qwen3moe', withList('qwen3moe.attention.head_count_kv', [1, 2])),
  ],
  'more layers than libllama has room for': [
    'METADATA_INVALID',
    { key: 'rwkv7.block_count' },
    () => changed('rwkv7', withNumber('rwkv7.block_count', 513)),
  ],
};

for (const [what, [code, details, make]] of Object.entries(refused)) {
  test(`refused: ${what}`, () => {
    assert.throws(() => Model.open(make()), engineError(code, { ...details }));
  });
}

test('refused: a file that ends within a bank of experts', () => {
  const path = architectureFile(folder.file('cut.gguf'), 'qwen3moe');
  const { offset } = openModelFile(path).weights.get('blk.1.ffn_down_exps.weight')?.extent ?? assert.fail();
  truncateSync(path, offset + 1000);
  assert.throws(() => Model.open(path), engineError('GGUF_TRUNCATED'));
});

test('refused: a state that is larger than the budget, with the smallest budget that works', async () => {
  const path = changed('qwen3moe', withNumber('qwen3moe.context_length', 2 ** 20));
  await using model = Model.open(path, { memoryBudget: 2 ** 28, context: 2 ** 20 });
  assert.throws(() => model.plan(), engineError('BUDGET_TOO_SMALL', /at least \d+ MiB \(.*KV/));
});

for (const streamed of [false, true]) {
  test(`a router whose weights are no numbers is an error that names the file, ${streamed ? 'streamed' : 'in memory'}`, async () => {
    const path = architectureFile(folder.file('nan.gguf'), 'qwen3moe', { vocabulary: true });
    const bytes = readFileSync(path);
    for (const layer of [0, 1]) {
      const { extent } = openModelFile(path).weights.get(`blk.${layer}.ffn_gate_inp.weight`) ?? assert.fail();
      bytes.fill(0xff, extent.offset, extent.offset + extent.length);
    }
    writeFileSync(path, bytes);
    await using model = Model.open(path, streamed ? { expertCache: 1 } : {});
    const answer = async (): Promise<void> => {
      for await (const _ of model.generate('abc', { maxTokens: 3 }));
    };
    await assert.rejects(answer(), engineError('NOT_FINITE', path));
  });
}

/** A model for which libllama ends its process: heads of keys and values that its queries cannot be divided among. */
const fatal = (file: string): string => changed('starcoder2', withNumber('starcoder2.attention.head_count', 0), file);

test('a model for which libllama ends its process is one line of error for info and run', async () => {
  const path = fatal('fatal.gguf');
  for (const args of [
    ['info', path],
    ['run', path, '-p', 'a'],
  ]) {
    const { code, stderr } = await run(args);
    assert.match(stderr, /^error: .*fatal\.gguf.* SIG[A-Z]+ after .*; .+ \[GRAPH_FAILED\]\n$/);
    assert.equal(code, 1);
  }
});

test('a server outlives a model for which libllama ends the process, and remembers one that it builds graphs of', async () => {
  fatal('fatal.gguf');
  const sound = architectureFile(folder.file('sound.gguf'), 'qwen3moe', { vocabulary: true });
  const cache = folder.file('cache');
  await using server = await serve(['--models', folder.path, ...frugal], { env: { SSD_LLM_CACHE: cache } });
  const ask = (model: string): Promise<Response> =>
    postTo(server, '/api/generate', { model, prompt: 'a', stream: false, options: { num_predict: 2 } });
  const failed = await ask('fatal');
  assert.equal(failed.status, 500);
  assert.match(((await failed.json()) as { error: string }).error, /fatal\.gguf.* SIG[A-Z]+ after /);
  assert.equal((await ask('sound')).status, 200);
  assert.deepEqual(triedModels(cache), [trialKey(openModelFile(sound))]);
});
