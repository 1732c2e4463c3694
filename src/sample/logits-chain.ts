import { at } from '../base/at.ts';
import type { Pointer } from '../ggml/library.ts';
import { type Llama, loadLlama, type TokenDataArray } from '../ggml/llama.ts';
import { NativeArray } from '../ggml/native-array.ts';
import type { TokenSet } from '../grammar/token-index.ts';
import type { ReadonlyTokens } from '../text/token-list.ts';
import { certain, type Distribution } from './distribution.ts';
import { type DryStages, hasDry } from './dry-stages.ts';
import { type PartialSamplingOptions, type SamplingOptions, samplingOptions } from './sampling-options.ts';

// llama_token_data: id (int32), logit (float32), p (float32)
const candidateWords = 3;

// Infinities and NaN would make every probability NaN; no model has logits this large. Libllama sorts by logits times
// 6.4 as int32, and penalties make them 100 times as large at most: an overflow would come last.
const largest = 1e6;

// Divisions by a lower temperature could overflow, and the best token has probability 1 anyway.
const coldest = 1e-6;

/** A stage that looks at the last `tokens` of a text. */
interface PenaltyStage {
  readonly stage: Pointer;
  readonly tokens: number;
}

const hasPenalties = (options: SamplingOptions): boolean =>
  options.repeatLastN > 0 &&
  (options.repeatPenalty !== 1 || options.frequencyPenalty !== 0 || options.presencePenalty !== 0);

function penaltiesOf(llama: Llama, options: SamplingOptions, vocabulary: number): readonly PenaltyStage[] {
  if (!hasPenalties(options)) return [];
  const { repeatLastN: tokens, repeatPenalty, frequencyPenalty, presencePenalty } = options;
  const penalties = [repeatPenalty, frequencyPenalty, presencePenalty] as const;
  return [{ stage: llama.llama_sampler_init_penalties(vocabulary, tokens, ...penalties), tokens }];
}

/** The stages that look at the last tokens, in llama.cpp's order; mirostat is in their place as well. */
function penaltyStages(
  llama: Llama,
  options: SamplingOptions,
  { vocabulary, dry }: { readonly vocabulary: number; readonly dry: DryStages | undefined },
): readonly PenaltyStage[] {
  if (options.mirostat > 0) return [];
  const against = dry && hasDry(options) ? [{ stage: dry.stage(options), tokens: options.dryPenaltyLastN }] : [];
  return [...penaltiesOf(llama, options, vocabulary), ...against];
}

/** The stages behind them, in llama.cpp's order. */
function stagesOf(llama: Llama, options: SamplingOptions): readonly Pointer[] {
  const { topNSigma, topK, typicalP, topP, minP, temperature, dynatempRange, dynatempExponent } = options;
  if (temperature < coldest) return [llama.llama_sampler_init_greedy()];
  if (options.mirostat > 0) return [llama.llama_sampler_init_temp(temperature)];
  return [
    ...(topNSigma > 0 ? [llama.llama_sampler_init_top_n_sigma(topNSigma)] : []),
    ...(topK > 0 ? [llama.llama_sampler_init_top_k(topK)] : []),
    ...(typicalP < 1 ? [llama.llama_sampler_init_typical(typicalP, 1)] : []),
    ...(topP < 1 ? [llama.llama_sampler_init_top_p(topP, 1)] : []),
    ...(minP > 0 ? [llama.llama_sampler_init_min_p(minP, 1)] : []),
    ...xtcOf(llama, options),
    dynatempRange > 0
      ? llama.llama_sampler_init_temp_ext(temperature, dynatempRange, dynatempExponent)
      : llama.llama_sampler_init_temp(temperature),
  ];
}

/** Libllama's name for a seed by chance. */
const anySeed = 2 ** 32 - 1;

const xtcOf = (llama: Llama, { xtcProbability, xtcThreshold, seed = anySeed }: SamplingOptions): readonly Pointer[] =>
  xtcProbability > 0 && xtcThreshold <= 0.5
    ? [llama.llama_sampler_init_xtc(xtcProbability, xtcThreshold, 1, seed)]
    : [];

/** Gives each token its probability of being chosen: libllama's stages of sampling, short of drawing. */
export class LogitsChain implements Disposable {
  readonly #vocabulary: number;
  readonly #llama: Llama;
  readonly #chain: Pointer;
  readonly #penalties: readonly PenaltyStage[];
  readonly #candidates: NativeArray;

  /** A sampler over `vocabulary` logits; without `dry` sequences may repeat. Throws BAD_OPTION, LIBRARY_MISSING. */
  constructor(vocabulary: number, given: PartialSamplingOptions = {}, dry?: DryStages) {
    const options = samplingOptions(given);
    this.#vocabulary = vocabulary;
    this.#llama = loadLlama();
    this.#chain = this.#llama.newSamplerChain();
    this.#candidates = new NativeArray(vocabulary * candidateWords * 4);
    this.#penalties = penaltyStages(this.#llama, options, { vocabulary, dry });
    const stages = [...this.#penalties.map(({ stage }) => stage), ...stagesOf(this.#llama, options)];
    for (const stage of stages) this.#llama.llama_sampler_chain_add(this.#chain, stage);
  }

  /**
   * The distribution of the token after `text`; the penalties look at the last tokens of that. `logits` are
   * (vocabulary), float32, and stay as they are. NaN is never preferred to a number. Tokens that are not `allowed` are
   * impossible; at least one has to be.
   */
  distribution(logits: Float32Array, text: ReadonlyTokens, allowed?: TokenSet): Distribution {
    const array: TokenDataArray = {
      data: this.#candidates.address,
      size: this.#write(logits, allowed),
      selected: -1,
      sorted: false,
    };
    // The other stages stay as they are: one draws numbers, of which each should be another.
    for (const { stage, tokens } of this.#penalties) {
      this.#llama.llama_sampler_reset(stage);
      for (let back = Math.min(tokens, text.length); back > 0; back -= 1) {
        const token = text.at(-back);
        if (token !== undefined) this.#llama.llama_sampler_accept(stage, token);
      }
    }
    this.#llama.llama_sampler_apply(this.#chain, array);
    // A stage may leave out the first candidates.
    const first = Number(array.data - this.#candidates.address) / 4;
    if (array.selected >= 0) return certain(at(this.#candidates.int32, first + array.selected * candidateWords));
    return this.#softmax(first, array.size);
  }

  [Symbol.dispose](): void {
    this.#llama.llama_sampler_free(this.#chain);
    this.#candidates[Symbol.dispose]();
  }

  /** Writes the candidates; returns their number. */
  // The stages reorder the candidates, so the ids are written anew each time. A draft model may have fewer tokens.
  #write(logits: Float32Array, allowed: TokenSet | undefined): number {
    const { int32, float32 } = this.#candidates;
    let word = 0;
    for (let id = 0; id < this.#vocabulary; id += 1) {
      if (allowed && !allowed.has(id)) continue;
      const logit = id < logits.length ? (logits[id] as number) : -largest;
      int32[word] = id;
      float32[word + 1] = logit > -largest ? Math.min(logit, largest) : -largest;
      word += candidateWords;
    }
    return word / candidateWords;
  }

  /** The distribution of `count` candidates from the word `first` on, which are those that the stages kept. */
  #softmax(first: number, count: number): Distribution {
    const { int32, float32 } = this.#candidates;
    const tokens = new Int32Array(count);
    const probabilities = new Float32Array(count);
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0, word = first; i < count; i += 1, word += candidateWords) {
      const logit = float32[word + 1] as number;
      tokens[i] = int32[word] as number;
      probabilities[i] = logit;
      most = Math.max(most, logit);
    }
    const powers = probabilities.map((logit) => Math.exp(logit - most));
    const sum = powers.reduce((a, b) => a + b, 0);
    return { tokens, probabilities: powers.map((power) => power / sum) };
  }
}
