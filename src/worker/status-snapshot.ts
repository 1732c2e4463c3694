import { at } from '../base/at.ts';
import type { ServedModel } from '../library/model-card.ts';
import type { EngineStatus } from '../model/engine-status.ts';
import type { Metric } from './backend.ts';
import type { EnginesStatus, RunningEngine } from './server-status.ts';

/** The status of an engine, as a server tells it. */
export const runningEngine = (
  { model, expires }: { readonly model: ServedModel; readonly expires: Date | undefined },
  status: EngineStatus,
): RunningEngine => {
  const { name, size, family, quantization } = model;
  return { model: { name, size, family, quantization }, expires: expires?.getTime() ?? null, ...status };
};

/** The status of a server with the figures that it has at `time`, in milliseconds since 1970. */
export function enginesStatus(
  metrics: readonly Metric[],
  engine: RunningEngine | null,
  time: number = Date.now(),
): EnginesStatus {
  // The same figures under llama-server's names are left out.
  const own = metrics.filter(({ name }) => name.startsWith('ssdllm_'));
  const plain = own.filter(({ values }) => values.some(({ labels }) => Object.keys(labels).length === 0));
  const byOutcome = own.filter(({ name }) => name === 'ssdllm_requests_total').flatMap(({ values }) => values);
  return {
    time,
    server: { rss: process.memoryUsage.rss() },
    figures: Object.fromEntries(plain.map(({ name, values }) => [name.replace(/^ssdllm_/, ''), at(values, 0).value])),
    outcomes: Object.fromEntries(byOutcome.map(({ labels, value }) => [labels['outcome'], value])),
    engine,
  };
}
