import { at } from '../base/at.ts';
import type { ExpertStatistics } from '../pager/expert-pool.ts';
import { layerOf } from '../plan/layer-map.ts';
import { type Counters, countersBetween, countersOf, expertsTogether } from '../runtime/counters.ts';
import { peakBytes } from '../runtime/process-memory.ts';
import type { Runtime } from '../runtime/runtime.ts';

/**
 * The cost of a generation: bytes and seconds, unless the name says otherwise.
 *
 * @example const rate = answer.stats?.decode.tokens_per_s;
 */
export interface GenerationStats {
  /** Loading of residents; 0 if the first pass did that on its way. */
  readonly load_ms: number;
  /** Time from the start of the prompt to the first token. */
  readonly ttft_ms: number;
  readonly prefill: {
    /** Tokens that were computed, and those whose keys and values were there already. */
    readonly tokens: number;
    readonly cached: number;
    readonly seconds: number;
    readonly bytes_read: number;
  };
  /** Draft tokens, and those that were accepted. */
  readonly speculation: {
    readonly drafted: number;
    readonly accepted: number;
    /** Passes that decoded, and the tokens that one yielded on average. */
    readonly passes: number;
    readonly tokens_per_pass: number;
  };
  readonly decode: {
    /** Tokens from passes after the prompt. */
    readonly tokens: number;
    readonly seconds: number;
    readonly tokens_per_s: number;
    readonly bytes_per_token: number;
    /** Seconds in which something was being read. */
    readonly io_s: number;
    readonly compute_s: number;
    /** Seconds of waiting for weights. */
    readonly stall_s: number;
  };
  /** Experts of decoding that were not resident, of all layers and of each; null if all are, or there are none. */
  readonly experts: (ExpertStats & { readonly layers: readonly LayerStats[] }) | null;
  readonly memory: {
    readonly budget: number;
    /** The most that the process ever held, by the operating system's account. */
    readonly peak: number;
    readonly resident: number;
    readonly ring: number;
    readonly kv: number;
    readonly compute: number;
    readonly runtime: number;
    /** Slots for experts, and what passes through them. */
    readonly experts: number;
    /** The draft model, whole. */
    readonly draft: number;
  };
  readonly io: {
    /** True if reads went past the page cache. */
    readonly direct: boolean;
    /** Bytes of a read, and the most that were in flight. */
    readonly chunk: number;
    readonly in_flight: number;
    /** Bytes read since the model was opened. */
    readonly bytes_read: number;
    /** Bytes written since then: keys, values and kept prompts; weights are only read. */
    readonly bytes_written: number;
  };
}

/**
 * Experts that have slots.
 *
 * @example const found = ({ hits, asked }: ExpertStats) => hits / asked;
 */
export interface ExpertStats {
  /** Different experts of a layer that a pass asked for, and those of them that were in slots. */
  readonly asked: number;
  readonly hits: number;
  readonly bytes_read: number;
  /** Seconds of waiting for them. */
  readonly stall_s: number;
}

/**
 * The experts of a router, which is named by the layer that it is in, such as `blk.3`.
 *
 * @example const slowest = (layers: LayerStats[]) => layers.toSorted((a, b) => b.bytes_read - a.bytes_read)[0];
 */
export interface LayerStats extends ExpertStats {
  readonly name: string;
}

const expertStatsOf = ({ asked, hits, bytesRead, waited }: ExpertStatistics): ExpertStats => ({
  asked,
  hits,
  bytes_read: bytesRead,
  stall_s: waited,
});

const noDrafts = { drafted: 0, accepted: 0 };

/** Counts the work of one generation's passes. */
export class GenerationMeter {
  readonly #runtime: Runtime;
  readonly #cached: number;
  readonly #begin: Counters;
  /** Counters after the last pass over the prompt. */
  #prompt: Counters;
  /** Counters after the last pass. */
  #last: Counters;
  #promptTokens = 0;
  #decoded = 0;
  #passes = 0;
  #drafted = 0;
  #accepted = 0;

  /** A meter from now on; `cached` tokens of the prompt need not be computed. */
  constructor(runtime: Runtime, cached: number) {
    this.#runtime = runtime;
    this.#cached = cached;
    this.#begin = countersOf(this.#runtime);
    this.#prompt = this.#begin;
    this.#last = this.#begin;
  }

  /** Counts a pass that has ended. */
  record(tokens: number, prompt: boolean, drafts: { drafted: number; accepted: number } = noDrafts): void {
    this.#last = countersOf(this.#runtime);
    this.#drafted += drafts.drafted;
    this.#accepted += drafts.accepted;
    if (prompt) {
      this.#prompt = this.#last;
      this.#promptTokens += tokens;
    } else {
      this.#decoded += tokens;
      this.#passes += 1;
    }
  }

  stats(): GenerationStats {
    const { reader, plan } = this.#runtime;
    const prefill = countersBetween(this.#prompt, this.#begin);
    const decode = countersBetween(this.#last, this.#prompt);
    return {
      load_ms: this.#runtime.loadSeconds * 1000,
      ttft_ms: prefill.time * 1000,
      prefill: {
        tokens: this.#promptTokens,
        cached: this.#cached,
        seconds: prefill.time,
        bytes_read: prefill.bytes,
      },
      speculation: {
        drafted: this.#drafted,
        accepted: this.#accepted,
        passes: this.#passes,
        tokens_per_pass: this.#passes > 0 ? this.#decoded / this.#passes : 0,
      },
      decode: {
        tokens: this.#decoded,
        seconds: decode.time,
        tokens_per_s: decode.time > 0 ? this.#decoded / decode.time : 0,
        bytes_per_token: this.#decoded > 0 ? decode.bytes / this.#decoded : 0,
        io_s: decode.io,
        compute_s: decode.compute,
        stall_s: decode.stall,
      },
      experts: plan.experts
        ? {
            ...expertStatsOf(expertsTogether(decode.experts)),
            layers: plan.experts.banks.map(({ weights }, i) => ({
              name: layerOf(at(weights, 0).name),
              ...expertStatsOf(at(decode.experts, i)),
            })),
          }
        : null,
      memory: { budget: plan.budget, peak: peakBytes(), ...plan.shares },
      io: {
        direct: reader.direct,
        chunk: reader.reading.chunkBytes,
        in_flight: reader.reading.inFlight,
        bytes_read: reader.bytesRead,
        bytes_written: this.#runtime.bytesWritten,
      },
    };
  }
}
