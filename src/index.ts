export type { ErrorCode, ErrorKind } from './base/error-details.ts';
export { EngineError } from './base/errors.ts';
export type {
  ChatPrompt,
  Conversation,
  Message,
  Tool,
  ToolCall,
  ToolCallDelta,
  ToolChoice,
} from './chat/message.ts';
export type { Generation } from './engine/generation.ts';
export type { GenerationStats } from './engine/generation-stats.ts';
export type { Piece } from './engine/piece-queue.ts';
export type { PromptProgress, StopReason } from './engine/sequence.ts';
export type { GrammarSource } from './grammar/source.ts';
export type { Embeddings, EmbedOptions, Ranking, RankOptions } from './model/embedding.ts';
export { Model } from './model/model.ts';
export type {
  GenerateOptions,
  LoadProgress,
  ModelOptions,
  ModelSettings,
  PromptCacheOptions,
} from './model/model-options.ts';
export type { Preset } from './model/preset.ts';
export type { KvOptions, KvType, Window } from './plan/kv-options.ts';
export type { Plan } from './plan/plan.ts';
