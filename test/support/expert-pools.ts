import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { at } from '../../src/base/at.ts';
import { Disposer } from '../../src/base/disposer.ts';
import { pageBytes } from '../../src/ggml/system.ts';
import { TensorSet } from '../../src/ggml/tensor-set.ts';
import type { Weight } from '../../src/gguf/weight.ts';
import type { Lease } from '../../src/pager/block.ts';
import { ExpertPool } from '../../src/pager/expert-pool.ts';
import { ReadBuffers } from '../../src/pager/read-buffers.ts';
import { type ReadAt, Reader } from '../../src/pager/reader.ts';
import type { Routing } from '../../src/plan/expert-cache.ts';
import { expertBufferBytes, expertBuffers } from '../../src/plan/expert-slots.ts';
import { expertLength } from '../../src/plan/routed-banks.ts';
import { patternAt, writePattern } from './pattern.ts';
import { sharedFolder } from './temp-folder.ts';
import { someMemory } from './tensors.ts';
import { weightOf } from './weights.ts';

export const poolFolder: ReturnType<typeof sharedFolder> = sharedFolder();
/** The file, which ends with the last matrix. */
export const path: string = poolFolder.file('experts');
export const experts = 24;

/**
 * Matrices whose experts have whole pages, or not, lie within a page, and end with the file. Together they are the ones
 * of a router.
 */
const shapes = [
  { width: 32, rows: 3 * (pageBytes / 128), offset: 96 },
  { width: 32, rows: 3 * (pageBytes / 128), offset: 0 },
  { width: 25, rows: 243, offset: 64 },
  { width: 8, rows: 5, offset: 32 },
  { width: 25, rows: 333, offset: 160 },
];
let end = 0;
export const matrices: readonly Weight[] = shapes.map(({ width, rows, offset }, i): Weight => {
  const weight = weightOf(`matrix ${i}`, 'f32', [width, rows, experts], end + offset);
  end = Math.ceil((end + offset + weight.extent.length) / pageBytes) * pageBytes;
  return weight;
});
export const lastMatrix: Weight = at(matrices, matrices.length - 1);
export const fileBytes: number = lastMatrix.extent.offset + lastMatrix.extent.length;
writePattern(path, fileBytes);

export const inFlight = 3;

interface PoolOptions {
  readonly slots: number;
  readonly count?: number;
  readonly readAt?: ReadAt;
  readonly file?: string;
  readonly weights?: readonly Weight[];
  /** Bytes of a buffer; default: those of a whole read, if it is not direct. */
  readonly bufferBytes?: number;
}

interface OpenedPool extends AsyncDisposable {
  readonly pool: ExpertPool;
  readonly reader: Reader;
}

/** A pool of the first `count` experts, over a reader that makes rubbish of the memory that it is about to read into. */
export function openPool({
  slots,
  count = experts,
  readAt,
  file = path,
  weights = matrices,
  bufferBytes,
}: PoolOptions): OpenedPool {
  const owner = new Disposer();
  const reader = new Reader([{ path: file, size: fileBytes }], {
    inFlight,
    chunkBytes: 2 * pageBytes,
    ...(readAt && { readAt }),
  });
  const spy = {
    readv: (index: number, parts: readonly Uint8Array[], position: number): Promise<void> => {
      for (const part of parts) part.fill(0xff);
      return reader.readv(index, parts, position);
    },
  };
  const few = weights.map((weight) => {
    const shape = [...weight.shape.slice(0, 2), count];
    return { ...weight, shape, extent: { ...weight.extent, length: expertLength(weight) * count } };
  });
  const bytes = bufferBytes ?? expertBufferBytes(few.map(expertLength), pageBytes);
  const buffers = owner.use(new ReadBuffers(expertBuffers, bytes));
  const tensors = owner.use(new TensorSet(10));
  const pool = owner.use(
    new ExpertPool(few, slots, { device: { ...someMemory, paddingOf: () => 0 }, reader: spy, buffers, tensors }),
  );
  const dispose = async (): Promise<void> => {
    await pool.abandon();
    await reader[Symbol.asyncDispose]();
    owner[Symbol.dispose]();
  };
  return { pool, reader, [Symbol.asyncDispose]: dispose };
}

/** Leases round `round` of matrix `m`, and compares its slots with the file. */
export async function leaseRound(
  pool: ExpertPool,
  routing: Routing,
  m: number,
  round: number,
): Promise<Lease & { check(): void }> {
  const home = at(pool.homes, m);
  const lease = await home.lease([round]);
  const { weight } = home.matrix;
  const check = (): void => {
    for (const { expert, slot } of at(routing.rounds, round).experts) {
      const expected = patternAt(weight.extent.offset + expert * expertLength(weight), expertLength(weight));
      assert.ok(Buffer.from(expected).equals(home.matrix.view(slot)), `expert ${expert} of ${weight.name}`);
    }
  };
  check();
  return { ...lease, check };
}

/** Takes a batch through all matrices. */
export async function computeBatch(pool: ExpertPool, routing: Routing): Promise<void> {
  for (const m of pool.homes.keys()) {
    for (const round of routing.rounds.keys()) {
      using lease = await leaseRound(pool, routing, m, round);
      // Reads that go on meanwhile leave these slots alone.
      await setImmediate();
      lease.check();
    }
  }
}
