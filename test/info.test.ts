import assert from 'node:assert/strict';
import test from 'node:test';
import { arr, f32, str, type TensorSource, u32, writeGguf } from '../bench/gguf-writer.ts';
import { describe } from '../src/cli/print/describe.ts';
import { CpuDevice } from '../src/ggml/cpu-device.ts';
import { readHeader } from '../src/gguf/header.ts';
import { type GgmlType, typeNamed } from '../src/gguf/types.ts';
import { type PlanSummary, summarize } from '../src/plan/explain.ts';
import type { KvType } from '../src/plan/kv-options.ts';
import { openOutline } from '../src/runtime/model-outline.ts';
import type { PlanOptions } from '../src/runtime/planner.ts';
import { attemptCli } from './support/attempt-cli.ts';
import { run, runJson } from './support/cli.ts';
import { thrown } from './support/engine-error.ts';
import { writeRandom } from './support/model-files.ts';
import { planFor } from './support/open-model.ts';
import { bytesRead } from './support/processes.ts';
import { shared } from './support/shared.ts';
import { smollm2 } from './support/smollm2.ts';
import { tempFolder } from './support/temp-folder.ts';

interface Info {
  readonly architecture: string;
  readonly parameters: number;
  readonly bytes: number;
  readonly types: Readonly<Record<string, { tensors: number; bytes: number }>>;
  readonly tokenizer: { readonly model: string; readonly tokens: number; readonly chat_template: boolean };
  readonly tensors?: readonly { readonly name: string; readonly type: string; readonly bytes: number }[];
  readonly device: { readonly kind: string; readonly name: string };
  readonly plan: {
    readonly budget: number;
    readonly context: number;
    readonly kv_type: string;
    readonly memory: Readonly<Record<'runtime' | 'kv' | 'compute' | 'ring' | 'resident', number>>;
    readonly resident: { readonly weights: number; readonly bytes: number; readonly converted: number };
    readonly streamed: { readonly weights: number; readonly bytes: number };
    readonly bytes_per_token: number;
    readonly error?: { readonly code: string; readonly message: string };
  };
}

interface Budget {
  readonly plan: { readonly budget: number; readonly bytes_per_token: number };
}

const info = (path: string, ...args: readonly string[]): Promise<Info> => runJson(['info', path, ...args]);

const model = await smollm2();
const MiB = 2 ** 20;
const linux = process.platform === 'linux';

test('a model is described for people', async () => {
  const { code, stdout } = await run(['info', model, '--memory-budget', '192M', '--ctx', '512']);
  assert.equal(code, 0);
  for (const line of [
    /^ {2}architecture {2}llama, 30 layers of width 576$/m,
    /^ {2}parameters {4}134\.5 M$/m,
    /^ {2}weights {7}92\.1 MiB: q4_1 63\.3 MiB, q8_0 28\.7 MiB, f32 137 KiB$/m,
    /^ {2}context {7}8192 tokens$/m,
    /^ {2}rope {10}base 100000$/m,
    /^ {2}tokenizer {5}gpt2\/smollm, 49152 tokens, with chat template$/m,
    /^Under a memory budget of 192 MiB$/m,
    /^ {2}92\.1 MiB of weights: [\d.]+ MiB resident, [\d.]+ MiB streamed for each token$/m,
    /^ {2}prompt {4}of 511 tokens: the answer begins about (?:[\d.]+ s|\d+m \d+s) after the start$/m,
    /^ {2}KV {8}11\.3 MiB for 512 tokens as f16$/m,
  ]) {
    assert.match(stdout, line);
  }
});

test('and for programs: the types, the tensors on request, and a plan that adds up to the budget', async () => {
  const { architecture, parameters, bytes, types, tokenizer, tensors, device, plan } = await info(
    model,
    '-m',
    '192M',
    '-c',
    '512',
    '--tensors',
  );
  assert.deepEqual([architecture, parameters, tokenizer.tokens], ['llama', 134515008, 49152]);
  assert.equal(
    Object.values(types).reduce((sum, type) => sum + type.bytes, 0),
    bytes,
  );
  assert.equal(tensors?.length, 272);
  assert.deepEqual(tensors?.find(({ name }) => name === 'blk.0.attn_q.weight')?.type, 'q4_1');
  assert.equal(device.kind, 'cpu');
  const { memory, resident, streamed } = plan;
  assert.ok(Object.values(memory).reduce((a, b) => a + b, 0) <= plan.budget);
  assert.equal(resident.bytes + streamed.bytes, bytes);
  assert.equal(plan.bytes_per_token, streamed.bytes);
  assert.ok(streamed.bytes > 0 && memory.ring > 0);
});

const device = shared(new CpuDevice(1));

/** The plan of a process that takes nothing itself. */
const planned = (path: string, options: Partial<PlanOptions>): PlanSummary =>
  summarize(planFor(device, openOutline(path), { kernels: 'auto', budget: 2 ** 30, ...options }));

test('more memory leaves less to stream, and a shorter context leaves more memory', () => {
  const perToken = (budget: number, context: number): number => planned(model, { budget, context }).bytes_per_token;
  const [tight, roomy, all] = [perToken(60 * MiB, 512), perToken(90 * MiB, 512), perToken(2 ** 30, 512)];
  assert.ok(tight > roomy && roomy > all && all === 0);
  assert.ok(perToken(90 * MiB, 2048) > roomy);
});

test('keys and values take as much as the type that they are stored as', () => {
  const of = (type: KvType): PlanSummary =>
    planned(model, { budget: 100 * MiB, context: 2048, kv: { home: 'ram', type } });
  const [plain, quantized] = [of('f16'), of('q4_0')];
  assert.deepEqual([plain.kv_type, quantized.kv_type], ['f16', 'q4_0']);
  // A block of 32 elements takes 18 bytes.
  assert.equal(quantized.memory.kv, (plain.memory.kv * 18) / 64);
  assert.ok(quantized.bytes_per_token < plain.bytes_per_token, 'and leave more memory for weights');
});

test('a model whose heads are no whole blocks keeps its keys and values as f16', () => {
  using folder = tempFolder();
  const shape = { layers: 2, width: 160, heads: 4, kvHeads: 2, feedForward: 96, vocabulary: 160 };
  const odd = writeRandom(folder.file('odd.gguf'), { architecture: 'llama', ...shape });
  for (const type of ['q8_0', 'q4_0'] as const) {
    assert.throws(() => planned(odd, { context: 512, kv: { type } }), {
      code: 'KV_TYPE_UNSUITABLE',
      message: new RegExp(`cannot be stored as ${type}: .* 40 elements.* use --kv-type f16$`),
    });
  }
  assert.equal(planned(odd, { context: 512 }).kv_type, 'f16');
});

test('the kernels decide in which layout residents are kept', () => {
  assert.equal(planned(model, { kernels: 'plain' }).resident.converted, 0);
  const faster = ['q4_1', 'q8_0'].some((name) => device.layoutFor(typeNamed(name)?.id ?? 0, [576, 576]));
  const { converted } = planned(model, { kernels: 'auto' }).resident;
  assert.equal(converted > 0, faster, 'converted where this processor has a layout of its own');
});

test('auto is the budget that is chosen where none is given', async () => {
  for (const args of [[], ['-m', 'auto'], ['--memory-budget=auto']]) {
    const { code, stdout, stderr } = await run(['info', model, ...args]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /memory budget of .* \(auto\)/);
  }
});

test('a run leaves to the weights what its process takes less than a forecast can know', { skip: !linux }, async () => {
  const args = ['--memory-budget', '192M', '--ctx', '512'];
  const { stats } = await runJson<{ stats: { memory: Info['plan']['memory'] } }>([
    ...['run', model, ...args],
    ...['-p', 'Why?', '-n', '1'],
  ]);
  const { memory: forecast } = (await info(model, ...args)).plan;
  assert.ok(stats.memory.runtime < forecast.runtime);
  assert.ok(stats.memory.resident > forecast.resident);
});

test('a budget that is too small is explained beside the description, with exit code 1', async () => {
  const { code, stdout } = await run(['info', model, '-m', '20M', '--json']);
  assert.equal(code, 1);
  const { architecture, plan } = JSON.parse(stdout) as Info;
  assert.equal(architecture, 'llama');
  assert.equal(plan.error?.code, 'BUDGET_TOO_SMALL');
});

/** A Llama of 70 billion parameters with a vocabulary of 128k tokens; its tensors are holes in a sparse file. */
function sparse70b(path: string): void {
  const [width, layers, feedForward, kv, tokens] = [8192, 80, 28672, 1024, 128256];
  const [q4, f] = [typeNamed('q4_0'), typeNamed('f32')] as [GgmlType, GgmlType];
  const hole = (name: string, type: GgmlType, ...shape: number[]): TensorSource => ({
    name,
    type,
    shape,
    data: 'hole',
  });
  const layer = (il: number): TensorSource[] => [
    hole(`blk.${il}.attn_norm.weight`, f, width),
    hole(`blk.${il}.attn_q.weight`, q4, width, width),
    hole(`blk.${il}.attn_k.weight`, q4, width, kv),
    hole(`blk.${il}.attn_v.weight`, q4, width, kv),
    hole(`blk.${il}.attn_output.weight`, q4, width, width),
    hole(`blk.${il}.ffn_norm.weight`, f, width),
    hole(`blk.${il}.ffn_gate.weight`, q4, width, feedForward),
    hole(`blk.${il}.ffn_up.weight`, q4, width, feedForward),
    hole(`blk.${il}.ffn_down.weight`, q4, feedForward, width),
  ];
  writeGguf(path, {
    metadata: {
      'general.architecture': str('llama'),
      'llama.context_length': u32(8192),
      'llama.embedding_length': u32(width),
      'llama.block_count': u32(layers),
      'llama.feed_forward_length': u32(feedForward),
      'llama.attention.head_count': u32(64),
      'llama.attention.head_count_kv': u32(8),
      'llama.attention.layer_norm_rms_epsilon': f32(1e-5),
      'tokenizer.ggml.model': str('gpt2'),
      'tokenizer.ggml.tokens': arr(
        'string',
        Array.from({ length: tokens }, (_, i) => `token ${i}`),
      ),
      'tokenizer.ggml.merges': arr(
        'string',
        Array.from({ length: 2 * tokens }, (_, i) => `to ken${i}`),
      ),
    },
    tensors: [
      hole('token_embd.weight', q4, width, tokens),
      ...Array.from({ length: layers }, (_, il) => layer(il)).flat(),
      hole('output_norm.weight', f, width),
      hole('output.weight', q4, width, tokens),
    ],
  });
}

test('a file of 40 GB is described and planned by little more than its header', { skip: !linux }, () => {
  using folder = tempFolder();
  const path = folder.file('70b.gguf');
  sparse70b(path);
  const header = readHeader(path).dataOffset;
  const before = bytesRead();
  const { parameters } = describe(openOutline(path), '70b', true);
  const plan = planned(path, { budget: 2 ** 33 });
  assert.ok(parameters > 70e9 && plan.bytes_per_token > 30e9 && plan.resident.bytes > 5e9);
  const read = bytesRead() - before;
  assert.ok(read < 3 * header, `${read} bytes read for a header of ${header}`);
});

test('a 70B in a budget far too small is told the smallest that works', () => {
  using folder = tempFolder();
  const path = folder.file('70b.gguf');
  sparse70b(path);
  const wanted = { context: 512, runtime: 60 * MiB };
  const { needed } = thrown('BUDGET_TOO_SMALL', () => planned(path, { ...wanted, budget: 80 * MiB })).details;
  assert.ok(needed > 80 * MiB && needed < 2 ** 30);
  assert.ok(planned(path, { ...wanted, budget: needed }).bytes_per_token > 30e9);
});

test('what info calls feasible, run accepts, and it ends within the budget', async () => {
  const refused = await run(['info', model, '-m', '20M', '-c', '256', '-t', '1']);
  const [, least = ''] = /needs at least (\d+) MiB/.exec(refused.stdout) ?? [];
  const args = ['-c', '256', '-t', '1', '-p', 'Hi', '-n', '6', '-m', `${Number(least) + 2}M`];
  const { memory } = (await runJson(['run', model, ...args])).stats;
  assert.ok(memory.peak <= memory.budget, `${memory.peak} of ${memory.budget}`);
});

test('control characters in a file are not obeyed by the terminal', async () => {
  using folder = tempFolder();
  const path = folder.file('model.gguf');
  writeGguf(path, { metadata: { 'general.architecture': str('\u001b[31mr\u202eed\u0007') }, tensors: [] });
  const { stderr } = await attemptCli('info', path);
  assert.match(stderr, /UNKNOWN_ARCHITECTURE/);
  assert.doesNotMatch(stderr.trimEnd(), /[\p{Cc}\p{Bidi_Control}]/u);
});

test('budgets are compared from the smallest that works to one that holds the model, within 80 columns', async () => {
  const { code, stdout } = await run(['info', model, '--budgets', '-m', '192M']);
  assert.equal(code, 0);
  const [heading = '', ...lines] = stdout.trimEnd().split('\n');
  assert.match(heading, /^BUDGET +STAYS +READ\/TOKEN +TOKENS\/S +FIRST TOKEN$/);
  assert.ok(lines.length >= 3 && lines.every((line) => line.length <= 80), stdout);
  assert.match(stdout, /^192 MiB .*as asked for$/m);
  const { budgets } = await runJson<Info & { budgets: readonly Budget[] }>(['info', model, '--budgets', '-m', '192M']);
  assert.equal(budgets.length, lines.length);
  const read = budgets.map(({ plan }) => plan.bytes_per_token);
  assert.ok(read.every((bytes, i) => i === 0 || bytes <= (read[i - 1] ?? 0)) && read.at(-1) === 0, `${read}`);
});
