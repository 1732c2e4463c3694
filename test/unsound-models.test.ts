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
import { some } from './support/rounds.ts';
import { frugal, postTo, serve } from './support/server.ts';
import { sharedFolder, tempFolder } from './support/temp-folder.ts';

const folder = sharedFolder();

type Change = (fields: Fields) => Fields;

/** The small model of an architecture, with another header. */
function changed(path: string, name: string, change: Change): string {
  architectureFile(path, name, { vocabulary: true });
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

const refused: Readonly<Record<string, readonly [ErrorCode, object, (path: string) => string]>> = {
  'a bank with fewer experts than there are': [
    'WRONG_SHAPE',
    { tensor: 'blk.1.ffn_up_exps.weight' },
    (path) => changed(path, 'qwen3moe', withLast('blk.1.ffn_up_exps.weight', 7)),
  ],
  'tokens that use no expert': [
    'METADATA_INVALID',
    { key: 'qwen3moe.expert_used_count' },
    (path) => changed(path, 'qwen3moe', withNumber('qwen3moe.expert_used_count', 0)),
  ],
  'tokens that use more experts than there are': [
    'METADATA_INVALID',
    { key: 'qwen3moe.expert_used_count' },
    (path) => changed(path, 'qwen3moe', withNumber('qwen3moe.expert_used_count', 9)),
  ],
  'no shared expert where the architecture has one': [
    'MISSING_TENSOR',
    { tensor: 'blk.1.ffn_gate_shexp.weight' },
    (path) => changed(path, 'deepseek2', without('blk.1.ffn_gate_shexp.weight')),
  ],
  'head counts for more layers than there are': [
    'METADATA_INVALID',
    { key: 'lfm2.attention.head_count_kv' },
    (path) => changed(path, 'lfm2', withList('lfm2.attention.head_count_kv', [2, 0, 2])),
  ],
  'head counts by layer that its matrices do not have': [
    'WRONG_SHAPE',
    { tensor: 'blk.0.attn_k.weight' },
    (path) => changed(path, 'qwen3moe', withList('qwen3moe.attention.head_count_kv', [1, 2])),
  ],
  'more layers than libllama has room for': [
    'METADATA_INVALID',
    { key: 'rwkv7.block_count' },
    (path) => changed(path, 'rwkv7', withNumber('rwkv7.block_count', 513)),
  ],
};

/** A model by what is wrong with it, and its path. */
const pathOf = (what: string): string => folder.file(`${what.replaceAll(' ', '-')}.gguf`);

for (const [what, [code, details, make]] of Object.entries(refused)) {
  test(`refused: ${what}`, () => {
    assert.throws(() => Model.open(make(pathOf(what))), engineError(code, { ...details }));
  });
}

/** A model whose file ends within a bank of experts. */
function cut(path: string): string {
  architectureFile(path, 'qwen3moe', { vocabulary: true });
  const { offset } = openModelFile(path).weights.get('blk.1.ffn_down_exps.weight')?.extent ?? assert.fail();
  truncateSync(path, offset + 1000);
  return path;
}

test('refused: a file that ends within a bank of experts', () => {
  assert.throws(() => Model.open(cut(pathOf('cut'))), engineError('GGUF_TRUNCATED'));
});

/** A model of long texts. */
const long = (path: string): string => changed(path, 'qwen3moe', withNumber('qwen3moe.context_length', 2 ** 20));

test('refused: a state that is larger than the budget, with the smallest budget that works', async () => {
  const path = long(pathOf('long'));
  await using model = Model.open(path, { memoryBudget: 2 ** 28, context: 2 ** 20 });
  assert.throws(() => model.plan(), engineError('BUDGET_TOO_SMALL', /at least \d+ MiB \(.*KV/));
});

test('refused: more texts at once than libllama keeps states for, with how many there may be', async () => {
  const path = architectureFile(pathOf('recurrent'), 'mamba', { vocabulary: true });
  for (const parallel of [85, 86]) {
    await using model = Model.open(path, { memoryBudget: 2 ** 28, context: 64, parallel });
    if (parallel === 85) assert.equal(model.plan().parallel, 85);
    else assert.throws(() => model.plan(), engineError('BAD_OPTION', /parallel 86 .* 85 at most/));
  }
});

/** A model whose routers' weights are no numbers. */
function unrouted(path: string): string {
  architectureFile(path, 'qwen3moe', { vocabulary: true });
  const bytes = readFileSync(path);
  for (const layer of [0, 1]) {
    const { extent } = openModelFile(path).weights.get(`blk.${layer}.ffn_gate_inp.weight`) ?? assert.fail();
    bytes.fill(0xff, extent.offset, extent.offset + extent.length);
  }
  writeFileSync(path, bytes);
  return path;
}

for (const streamed of [false, true]) {
  test(`a router whose weights are no numbers is an error that names the file, ${streamed ? 'streamed' : 'in memory'}`, async () => {
    const path = unrouted(pathOf('unrouted'));
    await using model = Model.open(path, streamed ? { expertCache: 1 } : {});
    const answer = async (): Promise<void> => {
      for await (const _ of model.generate('abc', { maxTokens: 3 }));
    };
    await assert.rejects(answer(), engineError('NOT_FINITE', path));
  });
}

test('whatever is wrong with a model, it is one line of error for info and run, and an answer of a server, which goes on', async () => {
  using models = tempFolder();
  const kinds = [
    ...some(Object.values(refused), 3).map(([code, , make]) => [code, make] as const),
    ['GGUF_TRUNCATED', cut] as const,
    ['NOT_FINITE', unrouted] as const,
    ['BUDGET_TOO_SMALL', long] as const,
  ];
  const made = kinds.map(([code, make], i) => ({ code, path: make(models.file(`bad-${i}.gguf`)) }));
  const limits = ['--memory-budget', '256M', '--threads', '1', '--ctx'];
  await using server = await serve(['--models', models.path, ...limits, '200']);
  const ask = (model: string): Promise<Response> =>
    postTo(server, '/api/generate', { model, prompt: 'a', stream: false, options: { num_predict: 2 } });
  for (const [i, { code, path }] of made.entries()) {
    const context = code === 'BUDGET_TOO_SMALL' ? `${2 ** 20}` : '200';
    // These two are no faults of the header.
    const commands = ['NOT_FINITE', 'BUDGET_TOO_SMALL'].includes(code) ? ['run'] : ['info', 'run'];
    const ended = await Promise.all(
      commands.map((command) => run([command, path, ...(command === 'run' ? ['-p', 'a'] : []), ...limits, context])),
    );
    for (const { code: exitCode, stderr } of ended) {
      assert.match(stderr, new RegExp(`^error: .+ \\[${code}\\]\\n$`));
      assert.equal(exitCode, 1);
    }
    const answer = await ask(`bad-${i}`);
    // The last one is answered, as the server's texts are short.
    if (code === 'BUDGET_TOO_SMALL') assert.equal(answer.status, 200);
    else {
      assert.ok(answer.status >= 400, `${code}: ${answer.status}`);
      assert.match(((await answer.json()) as { error: string }).error, /\w/);
    }
  }
});

/** A model for which libllama ends its process: heads of keys and values that its queries cannot be divided among. */
const fatal = (file: string): string =>
  changed(folder.file(file), 'starcoder2', withNumber('starcoder2.attention.head_count', 0));

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
