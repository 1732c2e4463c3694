/**
 * How close decoding comes to the device: tsx bench/streaming.ts MODEL --memory-budget 1.6G
 *
 * In one run, alternating: the reader alone reads what one pass streams, over and over, into the same ring; then tokens
 * are decoded. The device is shared and noisy: what counts is the ratio of the two rates, median of the rounds.
 */
import { spawnSync } from 'node:child_process';
import { Command } from 'commander';
import { formatBytes } from '../src/base/bytes.ts';
import { parseBytes } from '../src/base/size.ts';
import { Model } from '../src/engine/model.ts';
import { HostMemory } from '../src/ggml/host-memory.ts';
import type { Plan } from '../src/plan/plan.ts';
import { Reader } from '../src/stream/reader.ts';
import { streamedSlices, WeightSource } from '../src/stream/source.ts';
import { appendResult } from './results.ts';

interface Options {
  memoryBudget: number;
  tokens: string;
  rounds: string;
  ctx: string;
}

const threads = Number(process.env['UV_THREADPOOL_SIZE']);
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Bytes per second that the reader reaches when nothing computes. */
async function readAlone(model: Model, plan: Plan, passes: number): Promise<number> {
  await using reader = new Reader(model.outline.file.files, { inFlight: threads - 1 });
  using ring = new HostMemory(plan.shares.ring, 'the ring');
  const slices = streamedSlices(plan, ring);
  const source = new WeightSource(reader, slices);
  const began = performance.now();
  source.start(passes);
  for (let i = 0; i < passes * slices.length; i += 1) {
    using _lease = await source.lease(1);
  }
  return (reader.bytesRead / (performance.now() - began)) * 1000;
}

async function bench(path: string, options: Options): Promise<void> {
  const { memoryBudget } = options;
  await using model = Model.open(path, { memoryBudget, ioThreads: threads });
  const plan = await model.load(model.plan(Number(options.ctx)));
  const alone: number[] = [];
  const decoding: number[] = [];
  const perToken: number[] = [];
  for (let round = 0; round < Number(options.rounds); round += 1) {
    alone.push(await readAlone(model, plan, 2));
    const generation = model.generate('Once upon a time', { temperature: 0, maxTokens: Number(options.tokens) });
    for await (const _ of generation);
    const decode = generation.stats?.decode;
    if (!decode) continue;
    decoding.push((decode.bytes_per_token * decode.tokens) / decode.seconds);
    perToken.push(decode.seconds / decode.tokens);
    process.stderr.write(
      `alone ${formatBytes(alone.at(-1) ?? 0)}/s, decoding ${formatBytes(decoding.at(-1) ?? 0)}/s, ` +
        `${perToken.at(-1)?.toFixed(3)} s per token (computing ${(decode.compute_s / decode.tokens).toFixed(3)})\n`,
    );
  }
  const fraction = median(decoding.map((rate, i) => rate / (alone[i] ?? 1)));
  appendResult({
    experiment: 'streaming',
    model: `${formatBytes(model.outline.file.bytes)} ${model.outline.config.architecture}`,
    budget: formatBytes(memoryBudget),
    figures: {
      alone_bytes_per_s: Math.round(median(alone)),
      decode_bytes_per_s: Math.round(median(decoding)),
      s_per_token: Number(median(perToken).toFixed(4)),
      fraction: Number(fraction.toFixed(3)),
      streamed_bytes: plan.bytesPerPass,
    },
  });
}

if (threads > 1) {
  await new Command()
    .argument('<model>')
    .requiredOption('-m, --memory-budget <size>', 'budget', parseBytes)
    .option('--tokens <n>', 'tokens to decode in each round', '12')
    .option('--rounds <n>', 'rounds', '5')
    .option('--ctx <n>', 'context', '512')
    .action(bench)
    .parseAsync();
} else {
  // libuv's pool takes its size from the environment that the process starts with.
  const env = { ...process.env, UV_THREADPOOL_SIZE: '8' };
  const { status } = spawnSync(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env,
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}
