/**
 * The cost of a token at the end of a long text whose keys and values live on the SSD, streamed by us or mapped into
 * memory, under the same memory limit: npx tsx bench/long-context.ts MODEL -m 1.6G --ctx 32768. The text is made up:
 * one pass over the weights and over all keys and values is measured. Linux, as root. Appends to results.tsv.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import koffi from 'koffi';
import { formatBytes } from '../src/base/bytes.ts';
import { median } from '../src/base/median.ts';
import { parseBytes } from '../src/base/size.ts';
import { loadGgml } from '../src/ggml/api.ts';
import { CpuDevice } from '../src/ggml/cpu-device.ts';
import type { Memory } from '../src/ggml/memory.ts';
import { dropPageCache } from '../src/ggml/system.ts';
import type { Ring } from '../src/pager/ring.ts';
import { type KvType, kvTypes } from '../src/plan/kv-options.ts';
import { openOutline } from '../src/runtime/model-outline.ts';
import { layoutLookup, planModel } from '../src/runtime/planner.ts';
import { runtimeBytes } from '../src/runtime/process-memory.ts';
import { Runtime } from '../src/runtime/runtime.ts';
import { kvBytes } from '../src/state/kv-shape.ts';
import { KvStore } from '../src/state/kv-store.ts';
import { memoryGroup } from './memory-group.ts';
import { positiveNumber } from './options.ts';
import { appendResult } from './results.ts';

interface Options {
  readonly memoryBudget: number;
  readonly ctx: number;
  readonly tokens: number;
  readonly rounds: number;
  readonly kvType: KvType;
  readonly kvDir: string;
  readonly way?: 'streamed' | 'mapped';
}

interface Measured {
  readonly seconds: number;
  readonly bytes: number;
  /** Seconds of reading alone for so many bytes. */
  readonly limit: number;
  /** Computing, and waiting for what streams. */
  readonly compute: number;
  readonly stall: number;
}

/** Small numbers, as float16 or in blocks of any type. */
const someBytes = (length: number): Uint8Array => new Uint8Array(length).fill(0x11);

/** A file of `bytes` in `folder`, mapped as a whole, without a name. */
class MappedMemory implements Pick<Memory, 'place' | 'shared' | 'read' | 'write'> {
  readonly shared = undefined;
  readonly #address: bigint;
  readonly #buffer: bigint;

  constructor(folder: string, bytes: number) {
    const path = join(folder, `ssd-llm-mapped-${process.pid}`);
    const fd = openSync(path, 'wx+');
    rmSync(path);
    const chunk = someBytes(2 ** 22);
    for (let at = 0; at < bytes; at += chunk.length) writeSync(fd, chunk, 0, Math.min(chunk.length, bytes - at), at);
    const libc = koffi.load(null);
    libc.func('int fsync(int)')(fd);
    dropPageCache(fd, 0, 0);
    const [readWrite, shared] = [3, 1];
    const mmap = libc.func('void *mmap(void *, size_t, int, int, int, int64_t)');
    this.#address = mmap(null, bytes, readWrite, shared, fd, 0) as bigint;
    this.#buffer = loadGgml().ggml_backend_cpu_buffer_from_ptr(this.#address, bytes);
    closeSync(fd);
  }

  place(tensor: bigint, offset: number): void {
    loadGgml().ggml_backend_tensor_alloc(this.#buffer, tensor, this.#address + BigInt(offset));
  }

  read(offset: number, length: number): Uint8Array {
    return new Uint8Array(koffi.view(this.#address + BigInt(offset), length));
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.read(offset, bytes.length).set(bytes);
  }
}

/** Seconds that reading takes by itself for each byte. */
async function readingAlone(ring: Ring, bytesRead: () => number): Promise<number> {
  await ring.settled();
  const [began, before] = [performance.now(), bytesRead()];
  while (performance.now() - began < 2000)
    for (let i = 0; i < ring.length; i += 1) (await ring.lease([i]))[Symbol.dispose]();
  return (performance.now() - began) / 1000 / (bytesRead() - before);
}

async function measure(path: string, options: Options): Promise<readonly Measured[]> {
  const { memoryBudget: budget, ctx: context, tokens, rounds, kvType: type, kvDir: folder, way } = options;
  // With a base of its own a model takes any length; what it says is not asked here.
  const outline = openOutline(path, { rope: { base: 1e6 } });
  using device = new CpuDevice(2);
  const layoutOf = layoutLookup(device, 'auto');
  const kv = { type, home: 'ssd', folder } as const;
  const plan = planModel(outline, device, layoutOf, { budget, runtime: runtimeBytes(), context, kv, kernels: 'auto' });
  const reading = { inFlight: 7 };
  await using runtime = await Runtime.open(outline, plan, { device, layoutOf, reading, kvFolder: folder });
  const { reader, pager, caches } = runtime;
  const [cache] = caches.all;
  if (!cache) throw new Error('there is no cache');
  const start = context - rounds * tokens - 1;
  let store = KvStore.of(cache.state);
  if (way === 'mapped') {
    const { homes: _, ...shape } = store.shape;
    store = new KvStore(shape, new MappedMemory(folder, kvBytes(shape)));
  } else for (const piece of cache.pieces(start)) await cache.write(piece, someBytes(piece.length));
  await runtime.load();
  let at = start;
  const pass = (): Promise<unknown> => runtime.run([{ state: store, start: at++, tokens: [1], logits: 'last' }]);
  await pass();
  const measured: Measured[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const perByte = await readingAlone(pager.weightRing, () => reader.bytesRead);
    const [began, before] = [performance.now(), reader.bytesRead];
    const [computed, stalled] = [runtime.forward.computeSeconds, pager.stallSeconds];
    for (let i = 0; i < tokens; i += 1) await pass();
    const seconds = (performance.now() - began) / 1000 / tokens;
    // The system reads the mapped bytes too.
    const mapped = way === 'mapped' ? (kvBytes(store.shape) * at) / context : 0;
    const bytes = (reader.bytesRead - before) / tokens + mapped;
    const compute = (runtime.forward.computeSeconds - computed) / tokens;
    const stall = (pager.stallSeconds - stalled) / tokens;
    measured.push({ seconds, bytes, limit: bytes * perByte, compute, stall });
  }
  return measured;
}

function compare(path: string, options: Options): void {
  for (const way of ['streamed', 'mapped'] as const) {
    const group = memoryGroup(options.memoryBudget);
    if (typeof group === 'string') throw new Error(group);
    using limited = group;
    const [command = '', ...before] = limited.wrapper;
    const own = [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2), '--way', way];
    const { stdout, stderr } = spawnSync(command, [...before, process.execPath, ...own], {
      encoding: 'utf8',
      env: { ...process.env, UV_THREADPOOL_SIZE: '8' },
    });
    if (!stdout) throw new Error(stderr);
    const measured = JSON.parse(stdout) as readonly Measured[];
    const of = (value: (one: Measured) => number): number => median(measured.map(value));
    appendResult({
      experiment: `a token after ${options.ctx} others, keys and values on the SSD as ${options.kvType}, ${way}`,
      model: basename(path),
      budget: formatBytes(options.memoryBudget),
      figures: {
        seconds: of(({ seconds }) => seconds).toFixed(3),
        bytes: formatBytes(of(({ bytes }) => bytes)),
        reading_alone: of(({ limit }) => limit).toFixed(3),
        by_limit: `${of(({ seconds, limit }) => seconds / limit).toFixed(3)} (${measured.map(({ seconds, limit }) => (seconds / limit).toFixed(2)).join(', ')})`,
        compute: of(({ compute }) => compute).toFixed(3),
        stall: of(({ stall }) => stall).toFixed(3),
        peak: String(limited.peak()),
      },
    });
  }
}

const program = new Command('long-context')
  .argument('<model>')
  .requiredOption('-m, --memory-budget <size>', 'memory for everything', parseBytes)
  .option('--ctx <tokens>', 'tokens of the text', positiveNumber, 32768)
  .option('--tokens <n>', 'passes in each round', positiveNumber, 4)
  .option('--rounds <n>', 'rounds', positiveNumber, 3)
  .option('--kv-dir <dir>', 'a folder on the SSD', tmpdir())
  .addOption(new Option('--kv-type <type>').choices(kvTypes).default('f16'))
  .addOption(new Option('--way <way>').choices(['streamed', 'mapped']).hideHelp())
  .action(async (path: string, options: Options) => {
    if (options.way) process.stdout.write(JSON.stringify(await measure(path, options)));
    else compare(path, options);
  });
await program.parseAsync();
