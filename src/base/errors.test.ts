import assert from 'node:assert/strict';
import test from 'node:test';
import type { ErrorCode } from './error-details.ts';
import { EngineError } from './errors.ts';

const file = 'model.gguf';
const reason = 'EIO';

/** One case of each code. */
const cases: { readonly [C in ErrorCode]: EngineError<C>['details'] } = {
  BAD_SIZE: { text: '8X' },
  BAD_OPTION: { option: 'seed', value: 'x', expected: 'a number' },
  EMPTY_INPUT: {},
  NO_PROMPT: {},
  NO_TEXTS: {},
  NO_INFILL: { file },
  MODEL_AMBIGUOUS: { name: 'qwen3', models: ['qwen3:8b', 'qwen3:14b'] },
  MODEL_NOT_FOUND: { file },
  MODEL_NOT_OURS: { name: 'pocket:135m', file, owner: 'Ollama', removal: '"ollama rm" removes it' },
  UNREADABLE: { file, reason },
  UNWRITABLE: { file, reason },
  NOT_GGUF: { file, found: 'abcd' },
  GGUF_VERSION: { file, version: 1 },
  GGUF_CORRUPT: { file, what: 'a tensor' },
  GGUF_TRUNCATED: { file, needed: 2, size: 1, what: 'a tensor' },
  MISSING_SHARD: { file, shard: 1, count: 2 },
  SHARD_MISMATCH: { file, what: 'a tensor' },
  METADATA_MISSING: { file, key: 'a' },
  METADATA_INVALID: { file, key: 'a', what: 'is no number' },
  UNKNOWN_ARCHITECTURE: { architecture: 'a', known: ['b', 'c'] },
  UNKNOWN_TENSOR_TYPE: { tensor: 'a', type: 99 },
  UNSUPPORTED_TENSOR_TYPE: { tensor: 'a', type: 'i8' },
  ARCHITECTURE_REFUSED: { architecture: 'a', reason },
  ADAPTER_UNSUITABLE: { file: 'f', what: 'it is a model, not an adapter' },
  NOT_A_MODEL: { file: 'f' },
  NO_OWN_GRAPHS: { what: 'a model' },
  UNSUPPORTED_MODEL: { what: 'experts' },
  NO_EXPERTS: {},
  NO_ROTATION: { architecture: 'a' },
  BAD_GRAMMAR: { place: '#/properties/a', reason: 'unknown' },
  NOT_WITH_LIBLLAMA: { what: 'a window', architecture: 'a' },
  MISSING_TENSOR: { tensor: 'a' },
  WRONG_SHAPE: { tensor: 'a', shape: [1], expected: [2] },
  BUDGET_TOO_SMALL: { budget: 1, needed: 2 ** 20, parts: { ring: 1 } },
  BUDGET_TOO_LARGE: { budget: 2, memory: 1 },
  KV_TYPE_UNSUITABLE: { type: 'q4_0', reason },
  NOT_FOR_RANKING: { file: 'm.gguf' },
  NOT_FOR_EMBEDDINGS: { file: 'm.gguf' },
  NOT_FOR_ANSWERS: { file: 'm.gguf' },
  CONTEXT_TOO_LONG: { prompt: 5000, context: 2048 },
  CONTEXT_BEYOND_MODEL: { context: 5000, trained: 2048 },
  LIBRARY_MISSING: { platform: 'linux-x64', reason },
  LIBRARY_DIFFERS: { folder: '/lib', what: 'a field' },
  CPU_VARIANT: { variant: 'x', reason, usable: [] },
  READ_FAILED: { file, offset: 1, reason },
  WRITE_FAILED: { file, offset: 1, reason },
  SESSION_UNREADABLE: { file, reason },
  FILE_IN_USE: { file, pid: 1, lock: 'lock' },
  NO_ROOM: { folder: '/models', bytes: 2, free: 1 },
  WRONG_SUM: { file: 'm.gguf', expected: 'sha256:a', found: 'sha256:b' },
  UNREACHABLE: { host: 'a.com', reason, hub: 'usual' },
  REMOTE_NOT_FOUND: { name: 'a', host: 'a.com', nearest: ['b'] },
  ACCESS_DENIED: { url: 'http://a', hub: true, token: false },
  DOWNLOAD_FAILED: { url: 'http://a', reason },
  DOWNLOAD_DAMAGED: { url: 'http://a', bytes: 1 },
  KV_SPACE: { folder: '/tmp', bytes: 1, reason },
  IN_MEMORY: { folder: '/tmp', fileSystem: 'tmpfs' },
  FILE_CHANGED: { file, offset: 1 },
  MODEL_CLOSED: { file },
  DEVICE_MISSING: { kind: 'vulkan', reason: 'its package is not installed', install: 'npm i x' },
  DEVICE_FAILED: { device: 'card', reason: 'lost' },
  DEVICE_UNSUITABLE: { device: 'card', what: 'TOP_K' },
  COMPUTE_FAILED: { status: 1 },
  NOT_FINITE: { file },
  OUT_OF_MEMORY: { bytes: 1, what: 'weights' },
  VOCABULARY_FAILED: { file, reason },
  GRAPH_FAILED: { file, reason },
  VOCABULARY_DIFFERS: { draft: 'a', target: 'b', token: 1, drafted: 'x', wanted: undefined },
  TEMPLATE_FAILED: { reason },
  SERVER_BUSY: { waiting: 1 },
  GRAMMARS_FULL: { bytes: 8 * 2 ** 20 },
  ANSWER_UNREAD: {},
  ENGINE_DIED: { model: 'a', reason },
  NO_MODELS: { folders: ['models', 'others'] },
  PORT_IN_USE: { host: '::1', port: 1 },
  SERVER_UNREACHABLE: { url: 'http://a', reason },
};

const errors = Object.entries(cases).map(([code, details]) => new EngineError(code as ErrorCode, details));

test('a message is one line without gaps', () => {
  for (const { message, clientMessage } of errors) {
    for (const text of [message, clientMessage]) assert.doesNotMatch(text, /undefined|\[object|NaN|\n| {2}/);
  }
});

test('clients of the server are not told of the command line', () => {
  for (const { clientMessage } of errors) {
    assert.doesNotMatch(clientMessage, /--|stdin|\brun\b|\bpipe\b|ssd-llm|npm/);
  }
});

test('a prompt that is too long is told to clients in words that they look for', () => {
  const { clientMessage } = new EngineError('CONTEXT_TOO_LONG', { prompt: 5000, context: 2048, atLeast: true });
  assert.equal(
    clientMessage,
    "the prompt has at least 5000 tokens, which exceeds the available context size; this model's maximum context length is 2048 tokens",
  );
});

test('a budget that is too small for a cache that was asked for is blamed on that, not on the context', () => {
  const budget = { budget: 2 ** 20, needed: 2 ** 21 };
  const cached = new EngineError('BUDGET_TOO_SMALL', { ...budget, parts: { 'prompt cache': 2 ** 20 } });
  assert.match(cached.message, /lower --prompt-cache$/);
  const experts = new EngineError('BUDGET_TOO_SMALL', { ...budget, parts: { KV: 2 ** 10, 'expert cache': 2 ** 20 } });
  assert.match(experts.message, /lower --expert-cache$/);
  const other = new EngineError('BUDGET_TOO_SMALL', { ...budget, parts: { KV: 2 ** 20, 'prompt cache': 0 } });
  assert.match(other.message, /lower --ctx$/);
});
