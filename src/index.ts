export type { RopeOptions, RopeScaling } from './arch/rope.ts';
export type { ErrorCode, ErrorDetails, ErrorKind } from './base/error-details.ts';
export { EngineError } from './base/errors.ts';
export type { AnswerPart } from './chat/answer-part.ts';
export type {
  ChatPrompt,
  Conversation,
  Message,
  Tool,
  ToolCall,
  ToolCallDelta,
  ToolChoice,
} from './chat/message.ts';
export type { DraftOptions } from './engine/draft/drafter.ts';
export type { Generation } from './engine/generation.ts';
export type { ExpertStats, GenerationStats, LayerStats } from './engine/generation-stats.ts';
export type { Logprob, TokenProbability } from './engine/logprobs.ts';
export type { Piece } from './engine/piece-queue.ts';
export type { PromptProgress, StopReason } from './engine/sequence.ts';
export type { DeviceKind } from './ggml/device.ts';
export type { ArgumentNotation } from './grammar/schema/schema.ts';
export type { GrammarSource } from './grammar/source.ts';
export type { AnyPrompt } from './model/check-request.ts';
export type { Embeddings, EmbedOptions } from './model/embedding.ts';
export { Model } from './model/model.ts';
export type {
  GenerateOptions,
  LoadProgress,
  ModelOptions,
  ModelSettings,
  PromptCacheOptions,
  PromptCacheSettings,
} from './model/model-options.ts';
export type { Preset } from './model/preset.ts';
export type { PreparedPrompt } from './model/prompt-tokenizer.ts';
export type { Ranking, RankOptions } from './model/ranking.ts';
export type { KvHomeOption, KvOptions, KvType, Window } from './plan/kv-options.ts';
export type { Plan, Shares } from './plan/plan.ts';
export type { AdapterScale, LoraOption } from './runtime/lora-adapters.ts';
export type { GraphChoice } from './runtime/model-outline.ts';
export type { DeviceChoice } from './runtime/open-device.ts';
export type { TokenCounts } from './runtime/plan-choices.ts';
export type { Kernels } from './runtime/planner.ts';
export type { PartialSamplingOptions, SamplingOptions } from './sample/sampling-options.ts';
