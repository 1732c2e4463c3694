type File = { file: string };

/**
 * The details of each code. A code never changes its meaning.
 *
 * @example const needed = (details: ErrorDetails['BUDGET_TOO_SMALL']) => details.needed;
 */
export interface ErrorDetails {
  BAD_SIZE: { text: string; hint?: string };
  BAD_OPTION: { option: string; value: string; expected: string };
  EMPTY_INPUT: object;
  NO_PROMPT: object;
  NO_TEXTS: object;
  NO_INFILL: File;
  /** With `name`, it can only have been meant as a name; `nearest` are those of models that are there. */
  MODEL_NOT_FOUND: File & { name?: true; nearest?: readonly string[] };
  /** Names of the models that a name fits. */
  MODEL_AMBIGUOUS: { name: string; models: readonly string[] };
  /** A model whose files are not deleted: another program's, whose way of removing it is `removal`, or a file that was named. */
  MODEL_NOT_OURS: File & { name: string; owner?: string | undefined; removal?: string | undefined };
  UNREADABLE: File & { reason: string };
  UNWRITABLE: File & { reason: string };
  NOT_GGUF: File & { found: string };
  GGUF_VERSION: File & { version: number };
  GGUF_CORRUPT: File & { what: string };
  GGUF_TRUNCATED: File & { needed: number; size: number; what: string };
  MISSING_SHARD: File & { shard: number; count: number };
  SHARD_MISMATCH: File & { what: string };
  METADATA_MISSING: File & { key: string };
  METADATA_INVALID: File & { key: string; what: string };
  ARCHITECTURE_REFUSED: { architecture: string; reason: string };
  /** `what` says why it cannot be used with the model. */
  ADAPTER_UNSUITABLE: File & { what: string };
  /** It is an adapter of one. */
  NOT_A_MODEL: File;
  NO_OWN_GRAPHS: { what: string };
  UNKNOWN_ARCHITECTURE: { architecture: string; known: readonly string[] };
  UNKNOWN_TENSOR_TYPE: { tensor: string; type: number };
  UNSUPPORTED_TENSOR_TYPE: { tensor: string; type: string };
  UNSUPPORTED_MODEL: { what: string };
  MISSING_TENSOR: { tensor: string };
  WRONG_SHAPE: { tensor: string; shape: readonly number[]; expected: readonly number[] };
  BUDGET_TOO_SMALL: {
    budget: number;
    needed: number;
    parts: Readonly<Record<string, number>>;
    /** The memory that the budget is of; default: the process's. */
    of?: 'gpu';
  };
  BUDGET_TOO_LARGE: { budget: number; memory: number };
  KV_TYPE_UNSUITABLE: { type: string; reason: string };
  NO_EXPERTS: object;
  NO_ROTATION: { architecture: string };
  /** `adapted` models have adapters that libllama applies. */
  NOT_WITH_LIBLLAMA: { what: string; architecture: string; adapted?: boolean };
  NOT_FOR_EMBEDDINGS: File;
  NOT_FOR_RANKING: File;
  NOT_FOR_ANSWERS: File;
  CONTEXT_TOO_LONG: { prompt: number; context: number; atLeast?: boolean };
  CONTEXT_BEYOND_MODEL: { context: number; trained: number };
  LIBRARY_MISSING: { platform: string; reason: string };
  LIBRARY_DIFFERS: { folder: string; what: string };
  CPU_VARIANT: { variant: string; reason: string; usable: readonly string[] };
  READ_FAILED: File & { offset: number; reason: string };
  WRITE_FAILED: File & { offset: number; reason: string };
  SESSION_UNREADABLE: File & { reason: string };
  FILE_IN_USE: File & { lock: string; pid: number | undefined };
  NO_ROOM: { folder: string; bytes: number; free: number };
  /** A file, or bytes that were sent, by what they were called. */
  WRONG_SUM: File & { expected: string; found: string };
  /** `hub`: whether the host is Hugging Face, what HF_ENDPOINT has in its place, or neither. */
  UNREACHABLE: { host: string; reason: string; hub: 'usual' | 'mirror' | 'none' };
  /** `nearest`: names there that are most like it. */
  REMOTE_NOT_FOUND: { name: string; host: string; nearest: readonly string[] };
  /** A page of Hugging Face where `hub`, asked with a token or without. */
  ACCESS_DENIED: { url: string; hub: boolean; token: boolean };
  DOWNLOAD_FAILED: { url: string; reason: string };
  DOWNLOAD_DAMAGED: { url: string; bytes: number };
  KV_SPACE: { folder: string; bytes: number; reason: string };
  IN_MEMORY: { folder: string; fileSystem: string };
  FILE_CHANGED: File & { offset: number };
  MODEL_CLOSED: File;
  COMPUTE_FAILED: { status: number };
  DEVICE_MISSING: { kind: string; reason: string; install: string | undefined };
  DEVICE_FAILED: { device: string; reason: string };
  DEVICE_UNSUITABLE: { device: string; what: string };
  NOT_FINITE: File;
  OUT_OF_MEMORY: { bytes: number; what: string };
  VOCABULARY_FAILED: File & { reason: string };
  GRAPH_FAILED: File & { reason: string };
  VOCABULARY_DIFFERS: {
    draft: string;
    target: string;
    token: number;
    drafted: string | undefined;
    wanted: string | undefined;
  };
  TEMPLATE_FAILED: { reason: string };
  BAD_GRAMMAR: { place: string; reason: string };
  SERVER_BUSY: { waiting: number };
  GRAMMARS_FULL: { bytes: number };
  ANSWER_UNREAD: object;
  ENGINE_DIED: { model: string; reason: string };
  /** The folders that were looked into; `named` if it was one that is no folder: the reason. */
  NO_MODELS: { folders: readonly string[]; named?: 'missing' | 'a file' };
  PORT_IN_USE: { host: string; port: number };
  SERVER_UNREACHABLE: { url: string; reason: string };
}

/**
 * The code of an error, which never changes its meaning.
 *
 * @example const isGone = ({ code }: EngineError): boolean => code === 'MODEL_NOT_FOUND';
 */
export type ErrorCode = keyof ErrorDetails;

/**
 * The kind of a failure, from which the CLI takes its exit code.
 *
 * @example const isMistake = (error: EngineError): boolean => error.kind === 'usage';
 */
export type ErrorKind = 'usage' | 'not-found' | 'failure';

type Wording<C extends ErrorCode> = (details: ErrorDetails[C]) => string;

/** The kind and the wordings of some errors. */
export type ErrorTable<Codes extends ErrorCode> = {
  readonly [C in Codes]: readonly [ErrorKind, Wording<C>] | readonly [ErrorKind, Wording<C>, Wording<C>];
};
