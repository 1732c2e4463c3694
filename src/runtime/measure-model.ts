import { availableParallelism } from 'node:os';
import { at } from '../base/at.ts';
import { watchOtherWork } from '../base/core-times.ts';
import type { LayoutOf } from '../exec/bind-weights.ts';
import { kernelSpeeds } from '../exec/kernel-speeds.ts';
import { type FoundReads, readsBeside } from '../exec/reads-beside.ts';
import type { Device } from '../ggml/device.ts';
import { pageBytes } from '../ggml/system.ts';
import type { ReaderOptions } from '../pager/reader.ts';
import type { KvOptions } from '../plan/kv-options.ts';
import {
  fasterOf,
  type KernelSpeeds,
  knowsReads,
  type ReadCosts,
  type ReadsBeside,
  type Speeds,
  usualReadCosts,
  withReads,
} from '../plan/machine-speeds.ts';
import { isDoubtful, learn, type MeasuredModel, type MeasuredRun, undisturbed } from '../plan/measured-model.ts';
import { expertSample, ringSample } from '../plan/pass-sample.ts';
import type { Plan } from '../plan/plan.ts';
import { choiceSeconds } from './choice-seconds.ts';
import { type ComputedWith, lastSpeeds, measuredKey, measuredModel, saveMeasured, wayOf } from './measured-models.ts';
import type { ModelOutline } from './model-outline.ts';
import type { Kernels } from './planner.ts';

/** A model on a device, and the folder that remembers what is found out about it. */
export interface MeasuredParts {
  readonly outline: ModelOutline;
  readonly device: Device;
  readonly layoutOf: LayoutOf;
  readonly kernels: Kernels;
  readonly kv?: KvOptions | undefined;
  /** The best rate of its storage in bytes a second, and costs of reads; undefined until that was measured. */
  readonly read: number | undefined;
  readonly reads?: ReadCosts | undefined;
  /** The best way to read it; default: a usual one. */
  readonly reading?: ReaderOptions | undefined;
  /** False for files that have not come: nothing is read of them; default: true. */
  readonly present?: boolean | undefined;
  /** True if reads of other lengths than the plan's are good enough, once some were measured; default: false. */
  readonly hurried?: boolean | undefined;
  readonly folder: string | undefined;
  /** Speeds of kernels to take those of this model for, where they were never measured. */
  readonly likely?: KernelSpeeds | undefined;
  /** True if kernels that were measured while other work was in the way are measured again; default: false. */
  readonly again?: boolean | undefined;
  /** Called before kernels are measured, which takes some tenths of a second. */
  readonly onMeasure?: (() => void) | undefined;
  /** Hears of a folder that remembers nothing. */
  readonly warn?: ((reason: Error) => void) | undefined;
}

/** Bytes a second of a usual drive, for one that was not measured. */
const usualRead = 2e9;
/** A way to read that is good on most. */
const usualReading: ReaderOptions = { inFlight: 3 };

const computedWith = ({ device: { kind, threads, variant }, kernels, kv }: MeasuredParts): ComputedWith => {
  return { device: kind, threads, variant, kernels, kv };
};

const keyOf = (parts: MeasuredParts): string | undefined => measuredKey(parts.outline, computedWith(parts));

/** The findings about a model so far; undefined if there are none. */
export function knownModel(parts: MeasuredParts): MeasuredModel | undefined {
  const [folder, key] = [parts.folder, keyOf(parts)];
  return folder === undefined || key === undefined ? undefined : measuredModel(folder, key);
}

/**
 * Everything that is known about a model's speed under `plan`. Kernels that were never measured are measured now (0.2 s), and
 * so are reads (0.2 s by all threads and by half of them, more where storage is slow), and remembered, unless likely speeds
 * are given. Rejects with OUT_OF_MEMORY, and the errors of reading where the plan reads.
 */
export async function measureModel(parts: MeasuredParts, plan: Plan): Promise<MeasuredModel> {
  const known = knownModel(parts);
  const { factors = {}, hits = [], disturbed = undisturbed } = known ?? {};
  // Factors of reading are times of the rate that they were found with.
  const storage = known && factors.reading !== undefined ? known.speeds : storageOf(parts);
  const { read, reads } = storage;
  const complete = known && hasKernels(known.speeds, plan) ? known.speeds : undefined;
  // Factors of a run are times of the speeds that they were found with.
  const again = (parts.again ?? false) && disturbed.kernels && Object.keys(factors).length === 0;
  const reading = parts.present ?? true;
  const wanted = !parts.likely && (!complete || again || (reading && !hasReads(complete, plan, parts.hurried)));
  const found = wanted ? await measuredKernels(parts, plan, { known: known?.speeds, again }) : undefined;
  // The faster of two findings that other work was in the way of is nearer to the truth.
  const better = found?.disturbed && complete ? fasterOf(complete, found.speeds) : found?.speeds;
  const kernels = better ?? complete ?? parts.likely;
  if (!kernels) throw new RangeError('no kernels were measured');
  const doubted = found && (found.disturbed || (!again && disturbed.kernels));
  const doubts = { ...disturbed, kernels: doubted ?? disturbed.kernels };
  const model = { speeds: { ...kernels, read, reads }, factors, hits, disturbed: doubts };
  if (found) save(parts, model);
  return model;
}

/** The speed of reading. Cores that computing leaves alone serve the reads. */
function storageOf({
  read = usualRead,
  reads = usualReadCosts,
  device,
}: MeasuredParts): Pick<Speeds, 'read' | 'reads'> {
  const served = device.threads < availableParallelism();
  return { read, reads: served ? { ...reads, core: 0, coreByte: 0 } : reads };
}

/**
 * Remembers a run under `plan`. Kernels that it makes doubtful are measured anew: they, too, may have been measured while
 * the machine was busy. Nothing is remembered of files that are gone. Rejects with the errors of `measureModel`.
 */
export async function rememberRun(parts: MeasuredParts, plan: Plan, run: MeasuredRun): Promise<void> {
  if (parts.folder === undefined || keyOf(parts) === undefined) return;
  const manifest = parts.outline.graphs.manifest(plan.context, plan.window);
  const model = await measureModel(parts, plan);
  let learnt = learn(model, run, plan, manifest);
  if (isDoubtful(learnt) && !run.disturbed) {
    const { speeds, disturbed } = await measuredKernels(parts, plan, { known: model.speeds, again: true });
    const anew = { ...model, speeds: { ...model.speeds, ...speeds }, factors: {} };
    learnt = learn({ ...anew, disturbed: { kernels: disturbed, run: false } }, run, plan, manifest);
  }
  save(parts, learnt);
}

/**
 * Speeds of the kernels as they are now, and of reads as the plan makes them; only those that are not `known`, unless it is
 * to be done `again`. Those that only other plans have are kept.
 */
async function measuredKernels(
  parts: MeasuredParts,
  plan: Plan,
  { known, again }: { readonly known: KernelSpeeds | undefined; readonly again: boolean },
): Promise<{ readonly speeds: KernelSpeeds; readonly disturbed: boolean }> {
  const { outline, device, reading = usualReading, present = true, onMeasure } = parts;
  onMeasure?.();
  const wasDisturbed = watchOtherWork();
  const isEnough = known && !again && hasKernels(known, plan);
  const kernels = isEnough ? known : await kernelsNow(parts, plan, { known, again });
  const files = { files: outline.file.files, reading };
  const found = present ? await readsBeside(device, plan, { speeds: kernels, ...files }) : likelyReads(parts);
  const disturbed = wasDisturbed(device.threads);
  const { ring, experts, half } = kernels;
  const speeds = {
    ...kernels,
    ...{ ring: withReads(ring, found.ring), experts: found.experts ?? experts },
    half: { ...half, ring: withReads(half.ring, found.half.ring), experts: found.half.experts ?? half.experts },
  };
  return { speeds, disturbed };
}

/** Reads as the last model was read that was measured, as much faster or slower as this one's storage is. */
function likelyReads(parts: MeasuredParts): FoundReads {
  const none = { ring: [], experts: null };
  const known = parts.folder === undefined ? undefined : lastSpeeds(parts.folder, wayOf(computedWith(parts)));
  if (!known) return { ...none, half: none };
  const times = (parts.read ?? known.read) / known.read;
  const scaled = (one: ReadsBeside): ReadsBeside => ({ ...one, read: one.read * times });
  const of = ({ ring, experts }: typeof known | typeof known.half) => {
    return { ring: ring.map(scaled), experts: experts && scaled(experts) };
  };
  return { ...of(known), half: of(known.half) };
}

/** Speeds of computing as they are now, with those of reads that are known. */
async function kernelsNow(
  { outline, device, layoutOf }: MeasuredParts,
  plan: Plan,
  { known, again }: { readonly known: KernelSpeeds | undefined; readonly again: boolean },
): Promise<KernelSpeeds> {
  const products = await kernelSpeeds(device, plan, layoutOf);
  // Other devices have not shown that they leave nodes out.
  const rest = device.kind === 'cpu' ? await outline.graphs.besideProducts(device) : 0;
  const reads = { ring: [], experts: null };
  const found = { ...products, ...reads, half: { ...products.half, ...reads }, rest };
  const speeds = { ...found, choice: choiceSeconds(outline.config.vocabulary) };
  if (!known) return speeds;
  const [older, newer] = again ? [known, speeds] : [speeds, known];
  const { ring, experts, half } = known;
  return {
    ...{ ...newer, plain: newer.plain ?? older.plain, converted: newer.converted ?? older.converted, ring, experts },
    half: { ...newer.half, ring: half.ring, experts: half.experts },
  };
}

function save(parts: MeasuredParts, model: MeasuredModel): void {
  const [folder, key] = [parts.folder, keyOf(parts)];
  if (folder === undefined || key === undefined) return;
  try {
    saveMeasured(folder, key, { way: wayOf(computedWith(parts)), ...model });
  } catch (error) {
    parts.warn?.(error as Error);
  }
}

/** True if the kernels of all weights of `plan` were measured. */
const hasKernels = ({ plain, converted }: KernelSpeeds, { slices, placements }: Plan): boolean =>
  slices.every(({ id, shape }) => {
    if (shape.length < 2) return true;
    return (at(placements, id).kind === 'converted' ? converted : plain) !== null;
  });

/** True if reads were measured as `plan` makes them, or somehow if that has to do. */
function hasReads({ ring, experts }: KernelSpeeds, plan: Plan, hurried: boolean = false): boolean {
  const sample = ringSample(plan, pageBytes);
  if (sample && !(hurried ? ring.length > 0 : knowsReads(ring, sample.readBytes))) return false;
  return experts !== null || !expertSample(plan, pageBytes);
}
