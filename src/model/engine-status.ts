import { at } from '../base/at.ts';
import type { ActiveMember, Engine } from '../engine/engine.ts';
import type { PassTimeline } from '../engine/pass-timeline.ts';
import type { Device } from '../ggml/device.ts';
import type { Pager } from '../pager/pager.ts';
import { type PlanSummary, summarize } from '../plan/explain.ts';
import { type LayerPlaces, layerMap, layerOf } from '../plan/layer-map.ts';
import { type Plan, planBytes } from '../plan/plan.ts';
import { peakBytes } from '../runtime/process-memory.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { OpenedModel } from './opened-model.ts';

/** Experts of a layer that have slots. */
export interface LayerExperts {
  readonly slots: number;
  readonly of: number;
  /** Experts that are in slots now. */
  readonly held: readonly number[];
  /** Experts that passes asked for, and those of them that were there. */
  readonly asked: number;
  readonly hits: number;
  readonly bytes_read: number;
}

/** A text that is computed. */
export interface SequenceStatus {
  readonly state: 'prompt' | 'answer' | 'embedding';
  readonly prompt_tokens: number;
  /** Tokens of the prompt that are stored, and those of them that were from the beginning. */
  readonly prompt_done: number;
  readonly cached_tokens: number;
  readonly answer_tokens: number;
  readonly seconds: number;
  /** Seconds that the rest of the prompt takes at the rate so far; null for other states, and before there is one. */
  readonly eta_s: number | null;
}

/** The state of an engine. Sizes are bytes, rates bytes a second. */
export interface EngineStatus {
  readonly device: Pick<Device, 'kind' | 'name' | 'memory' | 'threads'> & { readonly variant: string | null };
  readonly graphs: 'own' | 'libllama';
  readonly plan: PlanSummary & {
    readonly parallel: number;
    /** The most draft tokens of a sequence in a pass. */
    readonly ahead: number;
    /** Bytes of the budget that no share has. */
    readonly unused: number;
    /** The most tokens of a context that the model was made for. */
    readonly trained_context: number;
  };
  /** The engine's process: what it takes of memory, and the most that it ever took, as the system says. */
  readonly process: { readonly rss: number; readonly peak: number };
  /** False until all weights that stay in memory have been read. */
  readonly loaded: boolean;
  readonly layers: readonly (Omit<LayerPlaces, 'experts'> & {
    readonly expert_bytes: number;
    readonly experts: LayerExperts | null;
  })[];
  readonly storage: {
    /** True if reads go past the page cache. */
    readonly direct: boolean;
    readonly chunk: number;
    readonly in_flight: number;
    /** The best rate of the device; null until it was measured. */
    readonly limit: number | null;
  };
  readonly sequences: readonly SequenceStatus[];
  /** The last pass; null before the first one that was recorded: passes are while somebody asks. */
  readonly last_pass: PassTimeline | null;
}

/** The numbers and layers of plans, which do not change. */
const plans = new WeakMap<Plan, { readonly summary: PlanSummary; readonly layers: readonly LayerPlaces[] }>();

/** The state of an engine whose runtime is open, and the recording of its next passes. */
export function engineStatus(
  { outline, device: { kind, name, memory, variant, threads }, readRate }: OpenedModel,
  runtime: Runtime,
  engine: Pick<Engine, 'members' | 'recorder'>,
): EngineStatus {
  const { plan, reader, pager } = runtime;
  const planned = plans.get(plan) ?? { summary: summarize(plan), layers: layerMap(plan) };
  plans.set(plan, planned);
  const experts = expertsByLayer(plan, pager);
  return {
    device: { kind, name, memory, variant: variant ?? null, threads },
    graphs: outline.graphs.builder,
    plan: {
      ...planned.summary,
      parallel: plan.parallel,
      ahead: plan.ahead,
      unused: plan.budget - planBytes(plan),
      trained_context: outline.config.context,
    },
    process: { rss: process.memoryUsage.rss(), peak: peakBytes() },
    loaded: pager.residents.loaded,
    layers: planned.layers.map(({ experts: expert_bytes, ...layer }) => ({
      ...layer,
      expert_bytes,
      experts: experts.get(layer.name) ?? null,
    })),
    storage: {
      direct: reader.direct,
      chunk: reader.reading.chunkBytes,
      in_flight: reader.reading.inFlight,
      limit: readRate ?? null,
    },
    sequences: engine.members.map(sequenceStatus),
    last_pass: engine.recorder.look() ?? null,
  };
}

function expertsByLayer({ experts }: Plan, pager: Pager): ReadonlyMap<string, LayerExperts> {
  const banks = experts?.banks ?? [];
  return new Map(
    pager.experts.map(({ cache, statistics }, i) => {
      const { asked, hits, bytesRead } = statistics;
      const held = Array.from({ length: cache.slots }, (_, slot) => cache.expertIn(slot)).filter(
        (expert) => expert >= 0,
      );
      const layer = layerOf(at(at(banks, i).weights, 0).name);
      return [layer, { slots: cache.slots, of: cache.experts, held, asked, hits, bytes_read: bytesRead }];
    }),
  );
}

function sequenceStatus({ member, stored, cached, since }: ActiveMember): SequenceStatus {
  const { promptTokens, answerTokens, decoding, output } = member;
  const seconds = (performance.now() - since) / 1000;
  const state = output === 'embeddings' ? 'embedding' : decoding ? 'answer' : 'prompt';
  const done = Math.min(stored, promptTokens);
  const computed = done - cached;
  return {
    state,
    prompt_tokens: promptTokens,
    prompt_done: Math.floor(done),
    cached_tokens: cached,
    answer_tokens: answerTokens,
    seconds,
    eta_s: state === 'prompt' && computed > 0 ? ((promptTokens - done) * seconds) / computed : null,
  };
}
