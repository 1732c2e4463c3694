import type { Disposer } from '../base/disposer.ts';
import type { Device } from '../ggml/device.ts';
import type { Pointer } from '../ggml/library.ts';
import { pageBytes } from '../ggml/system.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import { ExpertPool } from '../pager/expert-pool.ts';
import { ReadBuffers } from '../pager/read-buffers.ts';
import type { Reader } from '../pager/reader.ts';
import type { Uploads } from '../pager/uploads.ts';
import { expertBufferBytes, expertBuffers, layTransit } from '../plan/expert-slots.ts';
import type { ManifestEntry } from '../plan/manifest.ts';
import { expertLength, routedBanks } from '../plan/routed-banks.ts';
import { ExpertSteps } from './expert-steps.ts';
import { ExpertTransit } from './expert-transit.ts';

/** Experts in slots: a pool for each router, in order of use, and the steps that compute on them. */
export interface OpenedExperts {
  readonly pools: readonly ExpertPool[];
  readonly steps: ExpertSteps;
}

/** Parts that experts are read and computed with. */
interface ExpertParts {
  readonly device: Device;
  readonly reader: Reader;
  /** The way to memory of a device that is apart. */
  readonly uploads?: Uploads | undefined;
  /** The names of weights by libllama's tensors. */
  readonly tensors: ReadonlyMap<Pointer, string>;
}

/** Makes memory for so many slots of each router, and for passes of `tokens` at most; `owner` frees it. Throws OUT_OF_MEMORY. */
export function openExperts(
  manifest: readonly ManifestEntry[],
  { slots, tokens }: { readonly slots: number; readonly tokens: number },
  { device, reader, uploads, tensors }: ExpertParts,
  owner: Disposer,
): OpenedExperts {
  const banks = routedBanks(manifest);
  const weights = banks.flatMap((bank) => bank.weights);
  const used = Math.max(...banks.map((bank) => bank.used));
  // No two tensors are of one bank of experts.
  const byName = new Map([...tensors].map(([tensor, name]) => [name, tensor] as const));
  const tensorOf = (name: string): Pointer => {
    const tensor = byName.get(name);
    if (tensor === undefined) throw new RangeError(`there is no tensor ${name}`);
    return tensor;
  };
  const buffers = new ReadBuffers(expertBuffers, expertBufferBytes(weights.map(expertLength), pageBytes));
  const parts = {
    ...{ device, reader, uploads },
    buffers: owner.use(buffers),
    tensors: owner.use(new TensorSet(weights.length)),
  };
  const transit = owner.use(new ExpertTransit(layTransit(weights, { tokens, used }), device));
  const opened = banks.map((bank) => ({
    pool: owner.use(new ExpertPool(bank.weights, slots, parts)),
    weights: bank.weights.map(({ name }) => tensorOf(name)),
  }));
  return { pools: opened.map(({ pool }) => pool), steps: new ExpertSteps(opened, transit) };
}
