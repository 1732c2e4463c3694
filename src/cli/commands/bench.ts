import { cpus, release } from 'node:os';
import { at } from '../../base/at.ts';
import { EngineError } from '../../base/errors.ts';
import type { ExpertLayer } from '../../chart/expert-layers.ts';
import { timelineSvg } from '../../chart/timeline.ts';
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
  statusAfterToken,
  syntheticPrompt,
} from '../../model/benchmark.ts';
import { medianFigures } from '../../model/benchmark-figures.ts';
import type { Model } from '../../model/model.ts';
import { tracePass } from '../../model/trace.ts';
import { type Calibration, calibrate } from '../../pager/calibrate.ts';
import { headline, summarize } from '../../plan/explain.ts';
import type { Plan } from '../../plan/plan.ts';
import { budgetFor } from '../../runtime/machine.ts';
import { saveCalibration } from '../calibrations.ts';
import { ioThreads } from '../environment.ts';
import { interruptible } from '../interrupt.ts';
import type { ChosenModel } from '../locate-model.ts';
import { openModel } from '../open-model.ts';
import type { Settings } from '../options/table.ts';
import { benchPage } from '../print/bench-page.ts';
import { type BenchReport, benchRows, reportFormats } from '../print/bench-report.ts';
import { debugLog } from '../print/debug.ts';
import { describe } from '../print/describe.ts';
import { checkWritable, write, writeFile } from '../print/output.ts';
import { Progress } from '../print/progress.ts';
import { preparePrompt } from '../prompt.ts';
import { storageOf } from '../storage.ts';

/** Measures a model, and prints the report. */
export const benchCommand = (settings: Settings, chosen: ChosenModel): Promise<void> =>
  interruptible(({ signal }) => measureModel(chosen, settings, signal));

/**
 * Calibrates the device first: that reads past the page cache, so it leaves the model as cold or warm as it was when it
 * is opened, which is where the time to the first token begins. The rounds come last.
 */
async function measureModel(chosen: ChosenModel, options: Settings, signal: AbortSignal): Promise<void> {
  const { chart, html } = options;
  for (const file of [chart, html]) if (file !== undefined) checkWritable(file);
  const calibration = await calibrateFor(chosen.path, options, signal);
  // Loading the libraries is no part of the time to the first token.
  await import('../../model/model.ts');

  const began = performance.now();
  await using model = await openModel(chosen, options, { reading: calibration });
  const promptOf = promptsOf(model, options);
  const promptTokens = promptOf(1).length;
  const plan = planFor(model, { ...options, promptTokens });
  const deviceRate = calibration.bytesPerSecond;
  const measured = await measure(model, plan, { ...options, promptOf, began, deviceRate, signal });
  if (chart !== undefined) {
    const trace = await tracePass(model, promptTokens + (options.tokens >> 1), signal);
    const { name } = chosen;
    const experts = layersTogether(measured.rounds);
    writeFile(
      chart,
      timelineSvg({ title: `${name}: one token`, subtitle: headline(plan, model.hitRate), ...trace, experts }),
    );
  }
  const report = reportOf(model, plan, { ...measured, name: chosen.name, calibration, cold: options.cold });
  if (html !== undefined) {
    const engine = await statusAfterToken(model, promptOf(1), signal);
    writeFile(html, await benchPage({ model: report.model.name, engine, rows: benchRows(report) }));
  }
  const { isTTY, columns = 80 } = process.stdout;
  const { output = isTTY ? 'text' : 'md' } = options;
  await write(reportFormats[output](report, columns));
}

async function calibrateFor(path: string, options: Settings, signal: AbortSignal): Promise<Calibration> {
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

function promptsOf(model: Model, { prompt, promptTokens }: Settings): RoundPrompt {
  if (prompt === undefined) return syntheticPrompt(model, promptTokens);
  const { tokens } = preparePrompt(model, prompt);
  return () => tokens;
}

/** The plan of the benchmark. Throws BAD_OPTION if the context does not hold the tokens to be measured. */
function planFor(model: Model, { ctx, prompt, promptTokens, tokens }: Settings): Plan {
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

/** The experts of each layer in all rounds; undefined where none had to be read. */
function layersTogether(rounds: readonly BenchmarkRound[]): readonly ExpertLayer[] | undefined {
  const tokens = rounds.reduce((sum, { decode }) => sum + decode.tokens, 0);
  const layers = rounds.map(({ experts }) => experts?.layers ?? []);
  return layers[0]?.map(({ name }, i) => {
    const sum = (of: 'asked' | 'hits' | 'stall_s'): number =>
      layers.reduce((total, round) => total + at(round, i)[of], 0);
    return { name, asked: sum('asked'), hits: sum('hits'), waited: (1000 * sum('stall_s')) / tokens };
  });
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
