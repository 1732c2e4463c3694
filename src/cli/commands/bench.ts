import { at } from '../../base/at.ts';
import type { ExpertLayer } from '../../chart/expert-layers.ts';
import { timelineSvg } from '../../chart/timeline.ts';
import { statusAfterToken } from '../../model/benchmark.ts';
import { tracePass } from '../../model/trace.ts';
import { headline } from '../../plan/explain.ts';
import { interruptible } from '../interrupt.ts';
import type { ChosenModel } from '../locate-model.ts';
import { openModel } from '../open-model.ts';
import type { Settings } from '../options/table.ts';
import { benchPage } from '../print/bench-page.ts';
import { type BenchReport, benchRows, reportFormats } from '../print/bench-report.ts';
import { checkWritable, note, write, writeFile } from '../print/output.ts';
import { calibrateStorage, measureUnder, planToMeasure, promptsOf } from './bench-measure.ts';

/** Measures a model, and prints the report. */
export const benchCommand = (settings: Settings, chosen: ChosenModel): Promise<void> =>
  interruptible(async ({ signal }) => {
    if (!settings.report) return measureModel(chosen, settings, signal);
    const { reportDevice } = await import('./bench-device.ts');
    await reportDevice(chosen, settings, signal);
  });

/**
 * Calibrates the device first: that reads past the page cache, so it leaves the model as cold or warm as it was when it
 * is opened, which is where the time to the first token begins. The rounds come last.
 */
async function measureModel(chosen: ChosenModel, options: Settings, signal: AbortSignal): Promise<void> {
  const { chart, html, prompt = '' } = options;
  if (/^\d+$/.test(prompt)) {
    note(`"${prompt}" is a text to answer; a prompt of ${prompt} tokens is --prompt-tokens ${prompt}`);
  }
  for (const file of [chart, html]) if (file !== undefined) checkWritable(file);
  const calibration = await calibrateStorage(chosen.path, options, signal);
  // Loading the libraries is no part of the time to the first token.
  await import('../../model/model.ts');

  const began = performance.now();
  await using model = await openModel(chosen, options, { reading: calibration });
  const plan = planToMeasure(model, options);
  const report = await measureUnder(model, plan, { ...options, name: chosen.name, calibration, began, signal });
  if (chart !== undefined) {
    const trace = await tracePass(model, report.prefill.tokens + (options.tokens >> 1), signal);
    const { name } = chosen;
    const experts = layersTogether(report.rounds);
    writeFile(
      chart,
      timelineSvg({ title: `${name}: one token`, subtitle: headline(plan, model.hitRate), ...trace, experts }),
    );
  }
  if (html !== undefined) {
    const engine = await statusAfterToken(model, promptsOf(model, options)(1), signal);
    writeFile(html, await benchPage({ model: report.model.name, engine, rows: benchRows(report) }));
  }
  const { isTTY, columns = 80 } = process.stdout;
  const { output = isTTY ? 'text' : 'md' } = options;
  await write(reportFormats[output](report, columns));
}

/** The experts of each layer in all rounds; undefined where none had to be read. */
function layersTogether(rounds: BenchReport['rounds']): readonly ExpertLayer[] | undefined {
  const tokens = rounds.reduce((sum, { decode }) => sum + decode.tokens, 0);
  const layers = rounds.map(({ experts }) => experts?.layers ?? []);
  return layers[0]?.map(({ name }, i) => {
    const sum = (of: 'asked' | 'hits' | 'stall_s'): number =>
      layers.reduce((total, round) => total + at(round, i)[of], 0);
    return { name, asked: sum('asked'), hits: sum('hits'), waited: (1000 * sum('stall_s')) / tokens };
  });
}
