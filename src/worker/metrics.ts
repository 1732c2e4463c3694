import type { EngineState, EngineTotals } from '../engine/engine-totals.ts';
import type { Metric } from './backend.ts';
import type { Outcome } from './engine-answer.ts';
import type { EngineFacts } from './protocol.ts';

/** The counts that figures are made from. */
export interface ServerCounts {
  readonly outcomes: ReadonlyMap<Outcome, number>;
  /** The number of requests that have not ended. */
  readonly pending: number;
  /** Totals of all engines since the server began. */
  readonly sums: EngineTotals;
  /** State of the running engine, and its facts; undefined if none runs. */
  readonly state: EngineState;
  readonly facts?: Pick<EngineFacts, 'device' | 'gpuMemory'> | undefined;
}

const outcomes: readonly Outcome[] = ['stop', 'length', 'cancelled', 'failed', 'refused', 'busy'];

/** llama-server's names of figures, which its dashboards look for, by ours. */
const llamaServerNames: Readonly<Record<string, string>> = {
  prompt_tokens_total: 'prompt_tokens_total',
  prompt_tokens_cached_total: 'prompt_tokens_cached_total',
  tokens_generated_total: 'tokens_predicted_total',
  tokens_drafted_total: 'spec_decode_num_draft_tokens_total',
  tokens_accepted_total: 'spec_decode_num_accepted_tokens_total',
  passes_total: 'n_decode_total',
  sequences_active: 'requests_processing',
  sequences_waiting: 'requests_deferred',
};

/** A figure: name, help and value. */
type Figure = readonly [string, string, number];

/** The figures for Prometheus. Sums only grow while the server runs; the rate is that of the engines' reads. */
export function metricsOf({ outcomes: counts, pending, sums, state, facts }: ServerCounts): readonly Metric[] {
  const counters: readonly Figure[] = [
    ['prompt_tokens_total', 'Tokens of prompts that were computed.', sums.promptTokens],
    ['prompt_tokens_cached_total', 'Tokens of prompts found in the prefix cache.', sums.cachedTokens],
    ['tokens_generated_total', 'Tokens of answers.', sums.answerTokens],
    ['tokens_drafted_total', 'Draft tokens that were verified.', sums.drafted],
    ['tokens_accepted_total', 'Draft tokens that were accepted.', sums.accepted],
    ['prefix_cache_hits_total', 'Prompts of which something was found in the prefix cache.', sums.prefixHits],
    ['prefix_cache_misses_total', 'Prompts of which nothing was.', sums.prefixMisses],
    ['passes_total', 'Passes over the weights.', sums.passes],
    ['pass_sequences_total', 'Sequences in these passes: divided by them, the batch size.', sums.sequences],
    ['bytes_read_total', 'Bytes of weights read from the device.', sums.bytesRead],
    ['bytes_written_total', 'Bytes of keys, values and kept prompts written to the device.', sums.bytesWritten],
    ['read_seconds_total', 'Seconds in which something was being read.', sums.readSeconds],
    ['stall_seconds_total', 'Seconds in which computing waited for weights.', sums.stallSeconds],
    ['compute_seconds_total', 'Seconds of computing.', sums.computeSeconds],
    ['experts_asked_total', 'Experts that passes asked for, unless all are resident.', sums.expertsAsked],
    ['expert_hits_total', 'Experts that were in memory when they were asked for.', sums.expertHits],
    ['expert_bytes_read_total', 'Bytes of experts read from the device.', sums.expertBytes],
    ['expert_stall_seconds_total', 'Seconds in which computing waited for experts.', sums.expertStallSeconds],
  ];
  const gauges: readonly Figure[] = [
    ['requests_pending', 'Requests that have not ended, waiting or computed.', pending],
    ['sequences_active', 'Sequences that are computed.', state.active],
    ['sequences_waiting', 'Sequences that wait for a place in the engine.', state.waiting],
    ['resident_bytes', 'Bytes of weights that stay in memory.', state.resident],
    ['kv_bytes', 'Bytes for keys and values.', state.kv],
    ['gpu_bytes', 'Bytes of the plan in memory that a GPU computes in.', facts?.gpuMemory ?? 0],
    [
      'device_bytes_per_second',
      'Bytes read by the seconds in which something was being read.',
      sums.readSeconds > 0 ? sums.bytesRead / sums.readSeconds : 0,
    ],
  ];
  const figures = (kind: Metric['kind'], all: readonly Figure[]): readonly Metric[] =>
    all.flatMap(([name, help, value]) => {
      const named = (name: string): Metric => ({ name, kind, help, values: [{ labels: {}, value }] });
      const theirs = llamaServerNames[name];
      return [named(`ssdllm_${name}`), ...(theirs === undefined ? [] : [named(`llamacpp:${theirs}`)])];
    });
  return [
    {
      name: 'ssdllm_requests_total',
      kind: 'counter',
      help: 'Requests for answers that have ended, by how.',
      values: outcomes.map((outcome) => ({ labels: { outcome }, value: counts.get(outcome) ?? 0 })),
    },
    {
      name: 'ssdllm_device_info',
      kind: 'gauge',
      help: 'The device that computes, 1 for each; none while no model is loaded.',
      values: facts ? [{ labels: { ...facts.device }, value: 1 }] : [],
    },
    ...figures('counter', counters),
    ...figures('gauge', gauges),
  ];
}
