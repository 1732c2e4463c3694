export { EngineError, type ErrorCode, type ErrorKind } from './base/errors.ts';
export type { Generation, Piece, PromptProgress, StopReason } from './engine/generation.ts';
export { type GenerateOptions, type LoadProgress, Model, type ModelOptions } from './engine/model.ts';
export type { GenerationStats } from './engine/stats.ts';
export type { Plan } from './plan/plan.ts';
export type { Message } from './text/chat-template.ts';
