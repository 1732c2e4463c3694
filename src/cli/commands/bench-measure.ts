import { cpus, release } from 'node:os';
import { EngineError } from '../../base/errors.ts';
import type { PromptProgress } from '../../engine/sequence.ts';
import type { Device } from '../../ggml/device.ts';
import { evictFile } from '../../ggml/system.ts';
import { openModelFile } from '../../gguf/model-file.ts';
import {
  type BenchmarkProgress,
  type BenchmarkRound,
  benchmark,
  type FirstToken,
  firstToken,
  type RoundPrompt,
  syntheticPrompt,
} from '../../model/benchmark.ts';
import { medianFigures } from '../../model/benchmark-figures.ts';
import type { Model } from '../../model/model.ts';
import { type Calibration, calibrate } from '../../pager/calibrate.ts';
import { summarize } from '../../plan/explain.ts';
import type { Plan } from '../../plan/plan.ts';
import { budgetFor } from '../../runtime/machine.ts';
import { saveCalibration } from '../calibrations.ts';
import { ioThreads } from '../environment.ts';
import type { Settings } from '../options/table.ts';
import type { BenchReport } from '../print/bench-report.ts';
import { debugLog } from '../print/debug.ts';
import { describe } from '../print/describe.ts';
import { Progress } from '../print/progress.ts';
import { preparePrompt } from '../prompt.ts';
import { storageOf } from '../storage.ts';

/** The figures of a model under `plan`; the time to the first token starts when it `began`. */
export async function measureUnder(
  model: Model,
  plan: Plan,
  options: Settings & { name: string; calibration: Calibration; began: number; signal: AbortSignal },
): Promise<BenchReport> {
  const { name, calibration, cold } = options;
  const promptOf = promptsOf(model, options);
  const measured = await measure(model, plan, { ...options, promptOf, deviceRate: calibration.bytesPerSecond });
  return reportOf(model, plan, { ...measured, name, calibration, cold });
}

/** Measures the storage, and remembers what was found. */
export async function calibrateStorage(path: string, options: Settings, signal: AbortSignal): Promise<Calibration> {
  const { files } = openModelFile(path);
  using progress = new Progress('calibrating');
  const calibration = await calibrate(files, {
    inFlight: Math.max(1, ioThreads() - 1),
    // The libraries and JavaScript take some of the free memory.
    memory: (budgetFor(options.memoryBudget) - process.memoryUsage.rss()) / 2,
    signal,
    onProgress: (share) => progress.show(`${Math.round(100 * share)} %`),
  });
  (await debugLog(options))?.('calibrated', calibration);
  // A calibration with less memory or with a small file is no rule for others.
  if (calibration.complete) saveCalibration(path, calibration);
  if (options.cold) for (const file of files) evictFile(file.path);
  return calibration;
}

/** The prompt of each round. */
export function promptsOf(model: Model, { prompt, promptTokens }: Settings): RoundPrompt {
  if (prompt === undefined) return syntheticPrompt(model, promptTokens);
  const { tokens } = preparePrompt(model, prompt);
  return () => tokens;
}

/** The plan of the benchmark. Throws BAD_OPTION if the context does not hold the tokens to be measured. */
export function planToMeasure(model: Model, options: Settings): Plan {
  const { ctx, prompt, tokens } = options;
  const promptTokens = promptsOf(model, options)(1).length;
  const plan = model.plan(ctx, { prompt: promptTokens, answer: tokens });
  if (promptTokens + tokens > plan.context) {
    throw new EngineError('BAD_OPTION', {
      option: `${prompt === undefined ? '--prompt-tokens' : '--prompt'} and --tokens`,
      value: `${promptTokens} and ${tokens}`,
      expected: `no more together than the context, ${plan.context} tokens; --ctx changes it`,
    });
  }
  return plan;
}

interface Measured {
  readonly first: FirstToken;
  readonly rounds: readonly BenchmarkRound[];
}

async function measure(
  model: Model,
  plan: Plan,
  options: Settings & { promptOf: RoundPrompt; began: number; deviceRate: number; signal: AbortSignal },
): Promise<Measured> {
  const { began, signal, promptOf, rounds, tokens, deviceRate } = options;
  let first: FirstToken;
  {
    using progress = new Progress('first token');
    const onPrompt = ({ tokens, total, bytes }: PromptProgress): void =>
      progress.update({ done: tokens, total, bytes });
    first = await firstToken(model, plan, { began, signal, onPrompt });
  }
  using progress = new Progress('measuring');
  const onProgress = ({ round, doing, done, total }: BenchmarkProgress): void =>
    progress.show(`round ${round} of ${rounds}  ${doing}  ${done} of ${total}`);
  return {
    first,
    rounds: await benchmark(model, { promptOf, tokens, rounds, deviceRate, signal, onProgress }),
  };
}

/** The kind and name of a device beside the CPU. */
const gpuOf = ({ kind, name, memory }: Device): string | null =>
  kind === 'cpu' ? null : `${name} (${kind}${memory === 'apart' ? ', memory of its own' : ''})`;

function reportOf(
  model: Model,
  plan: Plan,
  { first, rounds, name, calibration, cold }: Measured & { name: string; calibration: Calibration; cold: boolean },
): BenchReport {
  const { chunkBytes, inFlight, bytesPerSecond, direct } = calibration;
  const last = rounds.at(-1);
  if (!last) throw new RangeError('nothing was measured');
  return {
    machine: {
      cpu: cpus()[0]?.model.trim() ?? process.arch,
      cpu_variant: model.device.variant ?? null,
      threads: model.device.threads,
      gpu: gpuOf(model.device),
      os: `${process.platform} ${release()} ${process.arch}`,
      node: process.version,
      device_name: storageOf(model.outline.path)?.name ?? null,
    },
    gpu_reading: model.inner.opened.runtime?.forward.reading ?? null,
    model: describe(model.outline, name),
    plan: summarize(plan, model.hitRate),
    budget: plan.budget,
    cold,
    calibration: { bytes_per_s: bytesPerSecond, chunk: chunkBytes, in_flight: inFlight, direct },
    first_token: first,
    ...medianFigures(rounds),
    memory: last.memory,
    rounds: rounds.map(({ memory: _, ...round }) => round),
  };
}
