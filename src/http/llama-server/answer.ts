import type { ServedModel } from '../../library/model-card.ts';
import { samplingOptions } from '../../sample/sampling-options.ts';
import type { Delta, Ending, GenerationRequest, TokenLogprob } from '../../worker/backend.ts';
import { finiteLogprob } from '../finite-logprob.ts';
import { timingsOf } from '../timings.ts';

/** The parts of a request that an answer in llama-server's own form depends on. */
export interface NativeForm {
  readonly generation: Omit<GenerationRequest, 'prompt'>;
  readonly stream: boolean;
  /** The prompt as a text. */
  readonly prompt: string;
}

const probabilityOf = (
  { token, text, bytes, logprob }: Omit<TokenLogprob, 'top'>,
  afterSampling: boolean | undefined,
): object => ({
  id: token,
  token: text,
  bytes,
  ...(afterSampling ? { prob: Math.exp(logprob) } : { logprob: finiteLogprob(logprob) }),
});

/** The probabilities of tokens. */
const probabilitiesOf = (tokens: readonly TokenLogprob[], { afterSampling }: NativeForm['generation']): object =>
  tokens.map((token) => ({
    ...probabilityOf(token, afterSampling),
    [afterSampling ? 'top_probs' : 'top_logprobs']: token.top.map((one) => probabilityOf(one, afterSampling)),
  }));

/** The members of a part of an answer, or of all of it. */
export const partOf = (
  { text, logprobs, token }: Delta,
  { generation, index }: { readonly generation: NativeForm['generation']; readonly index: number },
): object => ({
  index,
  content: text,
  tokens: token === undefined ? [] : [token],
  id_slot: index,
  ...(logprobs.length > 0 && { completion_probabilities: probabilitiesOf(logprobs, generation) }),
});

const stopTypeOf = ({ reason, stopText }: Ending): string =>
  reason === 'length' ? 'limit' : stopText === undefined ? 'eos' : 'word';

/** The members that end an answer. */
export const endOf = (
  { ending, hasNewLine }: { readonly ending: Ending; readonly hasNewLine: boolean },
  model: ServedModel,
  form: NativeForm,
): object => ({
  stop: true,
  model: model.name,
  tokens_predicted: ending.answerTokens,
  tokens_evaluated: ending.promptTokens,
  generation_settings: generationSettings(model, form),
  prompt: form.prompt,
  has_new_line: hasNewLine,
  // The context has ended it.
  truncated: ending.reason === 'length' && ending.answerTokens !== form.generation.maxTokens,
  stop_type: stopTypeOf(ending),
  stopping_word: ending.stopText ?? '',
  tokens_cached: ending.promptTokens + ending.answerTokens,
  timings: timingsOf(ending),
});

/** Keys of a model's metadata that name tokens which end an answer. */
const ends = ['eos', 'eot', 'eom'].map((name) => `tokenizer.ggml.${name}_token_id`);

/** llama-server's names of the settings, with those that nobody has here at what they are where they do nothing. */
export const generationSettings = (
  { metadata }: ServedModel,
  { generation, stream }: Omit<NativeForm, 'prompt'>,
): object => {
  const { maxTokens = -1, stop, logitBias = {}, ignoreEnd = false, logprobs = 0 } = generation;
  const sampling = samplingOptions(generation.sampling);
  const forbidden = ignoreEnd ? ends.map((key) => metadata[key]).filter((token) => typeof token === 'number') : [];
  return {
    seed: sampling.seed ?? 2 ** 32 - 1,
    temperature: sampling.temperature,
    dynatemp_range: sampling.dynatempRange,
    dynatemp_exponent: sampling.dynatempExponent,
    top_k: sampling.topK,
    top_p: sampling.topP,
    min_p: sampling.minP,
    top_n_sigma: sampling.topNSigma,
    xtc_probability: sampling.xtcProbability,
    xtc_threshold: sampling.xtcThreshold,
    typical_p: sampling.typicalP,
    repeat_last_n: sampling.repeatLastN,
    repeat_penalty: sampling.repeatPenalty,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    dry_multiplier: sampling.dryMultiplier,
    dry_base: sampling.dryBase,
    dry_allowed_length: sampling.dryAllowedLength,
    dry_penalty_last_n: sampling.dryPenaltyLastN,
    dry_sequence_breakers: sampling.drySequenceBreakers,
    mirostat: sampling.mirostat,
    mirostat_tau: sampling.mirostatTau,
    mirostat_eta: sampling.mirostatEta,
    adaptive_target: -1,
    adaptive_decay: 0.9,
    stop,
    max_tokens: maxTokens,
    n_predict: maxTokens,
    n_keep: 0,
    ignore_eos: ignoreEnd,
    stream,
    logit_bias: [
      ...Object.entries(logitBias).map(([token, bias]) => ({ bias: finiteOrNull(bias), token: Number(token) })),
      ...forbidden.map((token) => ({ bias: null, token })),
    ],
    n_probs: logprobs,
    min_keep: 0,
    post_sampling_probs: generation.afterSampling ?? false,
  };
};

const finiteOrNull = (amount: number): number | null => (Number.isFinite(amount) ? amount : null);
