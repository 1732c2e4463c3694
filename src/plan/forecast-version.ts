import { type GgmlType, rowBytes } from '../gguf/types.ts';
import { elementCount } from '../gguf/weight.ts';
import { usualHits } from './hit-curve.ts';
import { type Speeds, usualReadCosts, withHalf } from './machine-speeds.ts';
import { makePlan } from './make-plan.ts';
import type { ManifestEntry } from './manifest.ts';
import type { Plan } from './plan.ts';
import { forecastAllThreads, type TokenForecast } from './token-forecast.ts';

const MiB = 2 ** 20;
const bytes: GgmlType = { id: 0, name: 'byte', block: 1, bytes: 1 };
/** Speeds with which every part of a token takes some time. */
const speeds: Speeds = {
  ...{ plain: 1e9, converted: 2e9, step: 1e-4, ring: [], experts: null },
  half: { step: 1e-5, ring: [], experts: null, slower: 1.5 },
  ...{ further: 0.1, rest: 1e-3, choice: 1e-4, read: 1e9, reads: usualReadCosts },
};

/** Matrices of a MiB, and two of a router's experts. */
const manifest: readonly ManifestEntry[] = Array.from({ length: 40 }, (_, i): ManifestEntry => {
  const shape = i < 38 ? [1024, 1024] : [256, 256, 16];
  const length = rowBytes(bytes, elementCount(shape));
  const weight = { name: `${i}`, type: bytes, shape, extent: { file: 0, offset: i * MiB, length } };
  return shape.length === 2
    ? { weight, streamable: true }
    : { weight, streamable: false, experts: { router: 0, used: 4 } };
});

/** A plan under which something stays, streams, has slots, is converted, and has its keys and values on the SSD. */
const referencePlan = (): Plan =>
  makePlan({
    ...{ manifest, budget: 24 * MiB, context: 1024, runtime: 0, page: 4096, kvHomes: ['ssd'], kvReads: 2 },
    kv: () => 0,
    kvOnSsd: () => MiB,
    compute: () => 0,
    converted: ({ weight, extent }) => (Number(weight.name) % 2 === 0 ? extent.length : undefined),
  });

/** Forecasts with all threads and with half of them, where reads were seen beside computing and where they were not. */
function referenceForecasts(): readonly TokenForecast[] {
  const plan = referencePlan();
  const seen = [1, 4].map((n) => ({ read: n * 4e8, bytes: n * MiB, core: 1e-9 / n }));
  const measured = { ...speeds, ring: seen, experts: seen[0] ?? null };
  return [speeds, withHalf(speeds), measured].map((speeds) => forecastAllThreads(plan, manifest, speeds, usualHits));
}

let known: string | undefined;

/**
 * A name for the formulas of forecasts and their constants: what they say of a model that has everything. Corrections by
 * runs hold for the formulas that they were found with.
 */
export function forecastVersion(): string {
  known ??= JSON.stringify(referenceForecasts());
  return known;
}
