/**
 * How fast a device computes a model, resident and streamed, beside libllama on the same device, and how far its logits are
 * from the CPU's: tsx bench/device.ts MODEL --device cuda --gpu-memory 2G
 */
import { basename } from 'node:path';
import { Command, Option } from 'commander';
import { at } from '../src/base/at.ts';
import { formatBytes } from '../src/base/bytes.ts';
import { median } from '../src/base/median.ts';
import { nmse } from '../src/base/nmse.ts';
import { parseBytes } from '../src/base/size.ts';
import type { Span } from '../src/exec/span.ts';
import { CpuDevice } from '../src/ggml/cpu-device.ts';
import { type Device, deviceKinds } from '../src/ggml/device.ts';
import { calibrate } from '../src/pager/calibrate.ts';
import { type ModelOutline, openOutline } from '../src/runtime/model-outline.ts';
import { type DeviceChoice, openDevice } from '../src/runtime/open-device.ts';
import { layoutLookup, planModel } from '../src/runtime/planner.ts';
import { runtimeBytes } from '../src/runtime/process-memory.ts';
import { Runtime } from '../src/runtime/runtime.ts';
import { scratchState } from '../src/state/cache-pool.ts';
import { Libllama } from './libllama.ts';
import { positiveNumber } from './options.ts';

interface Options {
  readonly device: DeviceChoice;
  readonly gpuMemory?: number;
  readonly memoryBudget: number;
  readonly tokens: number;
  readonly threads: number;
  readonly inFlight: number;
  readonly skipCpu?: boolean;
}

const prompt = Array.from({ length: 512 }, (_, i) => (i * 37 + 11) % 250);
/** Tokens whose logits are compared. */
const compared = 24;

const say = (name: string, figures: object): void => console.log(`${name}: ${JSON.stringify(figures)}`);

/** Milliseconds that `work` takes. */
async function timed(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Opens a model under a plan; `holds` if the process's memory keeps what streams to a card. */
async function withRuntime<T>(
  outline: ModelOutline,
  device: Device,
  { gpuMemory, memoryBudget: budget, inFlight, holds = true }: Options & { readonly holds?: boolean },
  work: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  const layoutOf = layoutLookup(device, 'auto');
  const wanted = {
    budget,
    gpuMemory,
    runtime: runtimeBytes() + device.driverGrowth,
    context: 1024,
    kernels: 'auto',
  } as const;
  const planned = planModel(outline, device, layoutOf, wanted);
  const host = planned.host && !holds ? { ...planned.host, held: [], heldBytes: 0 } : planned.host;
  await using runtime = await Runtime.open(outline, { ...planned, host }, { device, layoutOf, reading: { inFlight } });
  return await work(runtime);
}

/** The logits of the first tokens. */
async function logitsOf(runtime: Runtime): Promise<Float32Array> {
  const span: Span = {
    state: scratchState(runtime.caches),
    start: 0,
    tokens: prompt.slice(0, compared),
    logits: 'all',
  };
  return (await runtime.run([span])).slice();
}

/** Speeds of a prompt and of single tokens, after a first pass of each. */
async function speeds(runtime: Runtime, tokens: number): Promise<object> {
  const { plan, reader, pager, forward } = runtime;
  const state = scratchState(runtime.caches);
  const batch = Math.min(plan.batch, prompt.length);
  const pass = (start: number, length: number) =>
    runtime.run([{ state, start, tokens: prompt.slice(0, length), logits: 'last' }]);
  const first = await timed(() => runtime.load());
  const compiling = await timed(() => pass(0, batch));
  const prefill = median([await timed(() => pass(0, batch)), await timed(() => pass(0, batch))]);
  for (let i = 0; i < 2; i += 1) await pass(batch + i, 1);
  const [bytes, stalled, computed] = [reader.bytesRead, pager.stallSeconds, forward.computeSeconds];
  const times: number[] = [];
  for (let i = 0; i < tokens; i += 1) times.push(await timed(() => pass(batch + 2 + i, 1)));
  const seconds = times.reduce((sum, ms) => sum + ms, 0) / 1000;
  return {
    tokens_per_s: Number((tokens / seconds).toFixed(2)),
    median_ms: Number(median(times).toFixed(3)),
    prompt_tokens_per_s: Math.round((1000 * batch) / prefill),
    load_s: Number((first / 1000).toFixed(2)),
    first_pass_s: Number((compiling / 1000).toFixed(2)),
    read_per_token: formatBytes((reader.bytesRead - bytes) / tokens),
    read_gb_per_s: Number(((reader.bytesRead - bytes) / 1e9 / seconds).toFixed(2)),
    stall_share: Number(((pager.stallSeconds - stalled) / seconds).toFixed(2)),
    compute_share: Number(((forward.computeSeconds - computed) / seconds).toFixed(2)),
    reading: forward.reading,
    gpu: formatBytes(plan.budget),
    streamed: `${plan.streamed.length} slices, ${plan.host?.held.length ?? 0} held`,
    uploaded_per_token: formatBytes(plan.streamed.reduce((sum, id) => sum + at(plan.slices, id).extent.length, 0)),
    rss: formatBytes(process.memoryUsage.rss()),
  };
}

/** Speeds of libllama with all layers on the device. */
async function theirSpeeds(path: string, tokens: number): Promise<object> {
  using libllama = new Libllama(path, { context: 1024, batch: 512, threads: 1, device: true });
  await timed(() => libllama.decode(prompt, 'last'));
  libllama.forget();
  const prefill = await timed(() => libllama.decode(prompt, 'last'));
  const times: number[] = [];
  for (let i = 0; i < tokens + 2; i += 1) times.push(await timed(() => libllama.decode([at(prompt, i)], 'last')));
  const seconds = times.slice(2).reduce((sum, ms) => sum + ms, 0) / 1000;
  return {
    tokens_per_s: Number((tokens / seconds).toFixed(2)),
    median_ms: Number(median(times.slice(2)).toFixed(3)),
    prompt_tokens_per_s: Math.round((1000 * prompt.length) / prefill),
  };
}

function compare(actual: Float32Array, expected: Float32Array, vocabulary: number): object {
  let same = 0;
  const first = (logits: Float32Array, row: number): number => {
    const own = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
    return own.indexOf(own.reduce((most, x) => Math.max(most, x)));
  };
  for (let row = 0; row < compared; row += 1) if (first(actual, row) === first(expected, row)) same += 1;
  return { nmse: nmse(actual, expected).toExponential(2), same_first: `${same} of ${compared}` };
}

/** Bytes a second from pinned memory to a device that has its own, in parts of the size of a large slice. */
async function uploadRate(device: Device): Promise<number> {
  const [part, count] = [2 ** 25, 16];
  using memory = device.memoryFor(part * 2, 'a measurement');
  using staging = device.stagingFor(part, 'a measurement');
  const bytes = staging.view(0, part);
  await memory.write(0, bytes);
  const ms = await timed(async () => {
    for (let i = 0; i < count; i += 1) await memory.write((i % 2) * part, bytes);
  });
  return (part * count * 1000) / ms;
}

/** The rates that limit what streams: of the storage, and of the way to a device that has memory of its own. */
async function limits(outline: ModelOutline, device: Device, options: Options): Promise<object> {
  const signal = new AbortController().signal;
  const { bytesPerSecond } = await calibrate(outline.file.files, {
    inFlight: options.inFlight,
    memory: 2 ** 28,
    signal,
  });
  const upload = device.memory === 'apart' ? await uploadRate(device) : undefined;
  const gb = (rate: number): number => Number((rate / 1e9).toFixed(2));
  return { storage_gb_per_s: gb(bytesPerSecond), ...(upload !== undefined && { upload_gb_per_s: gb(upload) }) };
}

async function main(path: string, options: Options): Promise<void> {
  const outline = openOutline(path, {});
  using device = openDevice([outline], { device: options.device, threads: options.threads });
  say('device', { model: basename(path), ...device.facts(), driver: formatBytes(device.driverBytes) });
  const { gpuMemory: _, ...resident } = options;
  const ours = await withRuntime(outline, device, resident, async (runtime) => {
    say('resident', await speeds(runtime, options.tokens));
    return await logitsOf(runtime);
  });
  if (device.kind !== 'cpu') say('libllama', await theirSpeeds(path, options.tokens));
  if (options.gpuMemory !== undefined || device.memory === 'host') {
    say('limits', await limits(outline, device, options));
    // Whether reads are made beside computing is decided within seven tokens.
    const few = Math.max(12, Math.floor(options.tokens / 16));
    const streamed = await withRuntime(outline, device, { ...options, holds: false }, async (runtime) => {
      say('streamed', await speeds(runtime, few));
      return await logitsOf(runtime);
    });
    say('streamed against resident', compare(streamed, ours, outline.config.vocabulary));
    if (device.memory === 'apart') {
      await withRuntime(outline, device, options, async (runtime) => say('from memory', await speeds(runtime, few)));
    }
  }
  if (options.skipCpu) return;
  using cpu = new CpuDevice(options.threads);
  const expected = await withRuntime(outline, cpu, resident, (runtime) => logitsOf(runtime));
  say('against the CPU', compare(ours, expected, outline.config.vocabulary));
}

await new Command('device')
  .argument('<model>', 'GGUF file')
  .addOption(new Option('--device <kind>', 'device that computes').choices(['auto', ...deviceKinds]).default('auto'))
  .option('--gpu-memory <size>', 'memory of a card for the streamed run', parseBytes)
  .option('-m, --memory-budget <size>', 'memory of the process', parseBytes, 2 ** 34)
  .option('--tokens <n>', 'tokens to decode', positiveNumber, 64)
  .option('--threads <n>', 'threads of the CPU', positiveNumber, 1)
  .option('--in-flight <n>', 'reads at once', positiveNumber, 6)
  .option('--skip-cpu', 'do not compare with the CPU')
  .action(main)
  .parseAsync();
