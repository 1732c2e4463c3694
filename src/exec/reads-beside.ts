import type { Device } from '../ggml/device.ts';
import { pageBytes } from '../ggml/system.ts';
import { type KernelSpeeds, type ReadsBeside, rateOf, withHalf } from '../plan/machine-speeds.ts';
import { expertSample, type PassSample, ringSample } from '../plan/pass-sample.ts';
import type { Plan } from '../plan/plan.ts';
import { type SampledFiles, SampledPass } from './sampled-pass.ts';

/** Reads by all threads and by half of them, as far as a plan has such. */
export interface FoundReads extends Pick<KernelSpeeds, 'ring' | 'experts'> {
  readonly half: Pick<KernelSpeeds, 'ring' | 'experts'>;
}

/**
 * Measures what reads of a pass under `plan` cost, by parts of it: how fast they are while steps are computed, and how much
 * longer these take than products alone. It takes no more memory than the ring and experts of the plan do. Rejects with
 * OUT_OF_MEMORY and the errors of reading.
 */
export async function readsBeside(
  device: Device,
  plan: Plan,
  { speeds, ...files }: { readonly speeds: KernelSpeeds } & SampledFiles,
): Promise<FoundReads> {
  // Threads of a GPU do not compute.
  const half = device.kind === 'cpu' ? Math.ceil(device.threads / 2) : device.threads;
  /** The time of a step is apart for experts, whose steps are others where more of them are missing. */
  const measured = async (sample: PassSample | undefined, step: (speeds: KernelSpeeds) => number) => {
    if (!sample) return undefined;
    await using pass = new SampledPass(device, sample, files);
    const all = await costs(pass, sample, { threads: device.threads, speeds, step: step(speeds) });
    if (half === device.threads) return { all, half: all };
    const slower = withHalf(speeds);
    return { all, half: await costs(pass, sample, { threads: half, speeds: slower, step: step(slower) }) };
  };
  const ring = await measured(ringSample(plan, pageBytes), () => 0);
  const experts = await measured(expertSample(plan, pageBytes), ({ step }) => step);
  return {
    ...{ ring: ring ? [ring.all] : [], experts: experts?.all ?? null },
    half: { ring: ring ? [ring.half] : [], experts: experts?.half ?? null },
  };
}

async function costs(
  pass: SampledPass,
  { readBytes }: PassSample,
  { threads, speeds, step }: { readonly threads: number; readonly speeds: KernelSpeeds; readonly step: number },
): Promise<ReadsBeside> {
  const { steps, bytes, computing, read } = await pass.run(threads);
  const products = bytes / rateOf(speeds, false);
  return { read, bytes: readBytes, core: Math.max(0, computing - products - steps * step) / bytes };
}
