import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../../src/base/errors.ts';
import type { Log } from '../../src/base/log.ts';
import { type ChatPrompt, conversationOf } from '../../src/chat/message.ts';
import type { ServedModel } from '../../src/library/model-card.ts';
import type { PlanChanges } from '../../src/model/opened-model.ts';
import type { WhatIf } from '../../src/model/what-if.ts';
import type { ManifestLayer } from '../../src/stores/manifest.ts';
import type { OwnStore } from '../../src/stores/own-store.ts';
import type {
  Answer,
  Backend,
  Delta,
  EmbeddedInputs,
  EmbeddingRequest,
  Ending,
  GenerationCallOptions,
  GenerationRequest,
  LoadedModel,
  Metric,
  Places,
} from '../../src/worker/backend.ts';
import type { EnginesStatus, RunningEngine } from '../../src/worker/server-status.ts';
import { enginesStatus } from '../../src/worker/status-snapshot.ts';
import { deferred } from './deferred.ts';

/** The scripted answer to a request. Times are milliseconds. */
export interface BackendScript {
  /** A string is a delta without log-probabilities. May be endless. */
  readonly deltas: Iterable<string | Delta>;
  readonly ending?: Partial<Ending> | undefined;
  readonly promptTokens?: number;
  readonly warnings?: readonly string[];
  /** `generate` rejects with it. */
  readonly refusal?: Error | undefined;
  /** The iteration rejects with it after the deltas. */
  readonly failure?: Error | undefined;
  /** Before `generate` settles. */
  readonly wait?: number | undefined;
  /** Before each delta, and before the end: milliseconds, or until a promise has resolved. */
  readonly pause?: number | Promise<void> | undefined;
}

/** A request that was made, and its fate. */
export interface ReceivedRequest {
  readonly model: ServedModel;
  readonly request: GenerationRequest;
  readonly keepAlive: number | undefined;
  readonly signal: AbortSignal;
  /** Deltas that were taken. */
  pulled: number;
  /** The iteration was left, has ended or has failed. */
  over: boolean;
  /** Resolves when it is over. */
  readonly ended: Promise<void>;
}

/** The fake's calls other than `generate`, in order: "load NAME 300", "unload NAME", "remove NAME". */
export type BackendCall = string;

/** A small model that chats, except for what is `given`. */
export const servedModel = (given: Partial<ServedModel> = {}): ServedModel => ({
  name: 'tiny:q4_1',
  size: 97_000_000,
  modified: new Date(20_000 * 86_400_000),
  digest: `sha256:${'0a'.repeat(32)}`,
  family: 'llama',
  parameters: '135M',
  quantization: 'Q4_1',
  trainedContext: 2048,
  embeds: false,
  chats: true,
  thinks: false,
  callsTools: false,
  infills: false,
  template: '{% for message in messages %}{{ message.content }}{% endfor %}',
  toolTemplate: '',
  license: 'apache-2.0',
  sampling: {},
  metadata: { 'general.architecture': 'llama', 'llama.context_length': 2048, 'tokenizer.ggml.tokens': null },
  ...given,
});

const endingOf = (given: Partial<Ending> | undefined, promptTokens: number, answerTokens: number): Ending => ({
  reason: 'stop',
  promptTokens,
  cachedTokens: 0,
  answerTokens,
  thoughtTokens: 0,
  promptSeconds: 0.25,
  answerSeconds: 0.5,
  loadSeconds: 0.125,
  totalSeconds: 1,
  tokens: Array.from({ length: promptTokens + answerTokens }, (_, token) => token),
  ...given,
});

/** A backend without engines: it answers as it is told and remembers what it was asked. */
export class FakeBackend implements Backend {
  /** Answers to the next requests; a function decides by the request. */
  script: BackendScript | ((ask: GenerationRequest) => BackendScript) = { deltas: ['Hello', ', ', 'world'] };
  readonly requests: ReceivedRequest[] = [];
  readonly calls: BackendCall[] = [];
  readonly served: ServedModel[];
  readonly running: LoadedModel[] = [];
  adapters: Backend['adapters'] = { of: () => [], set: () => {} };
  /** The store that a test gives it. */
  ownStore: OwnStore | undefined;
  figures: readonly Metric[] = [];
  engine: RunningEngine | null = null;
  /** If set, every call but `generate` that can reject does so with it. */
  failure: Error | undefined;
  readonly #events = new EventEmitter();

  constructor(...served: ServedModel[]) {
    this.served = served.length > 0 ? served : [servedModel()];
  }

  /** The last request. */
  get received(): ReceivedRequest {
    const last = this.requests.at(-1);
    if (!last) throw new Error('nothing was asked');
    return last;
  }

  /** Resolves once so many requests have been made. */
  async made(count: number): Promise<void> {
    while (this.requests.length < count) await once(this.#events, 'request');
  }

  models(): readonly ServedModel[] {
    return this.served;
  }

  find(name: string): ServedModel | undefined {
    const wanted = name.toLowerCase().replace(/:latest$/, '');
    return this.served.find(({ name }) => name === wanted || name.replace(/:latest$/, '') === wanted);
  }

  readonly store = (): OwnStore | undefined => this.ownStore;

  loaded(): readonly LoadedModel[] {
    return this.running;
  }

  places(model: ServedModel): Places {
    const running = this.running.find((one) => one.model.name === model.name);
    return running ?? { parallel: 2, context: model.trainedContext, active: 0 };
  }

  async generate(
    model: ServedModel,
    request: GenerationRequest,
    { keepAlive, signal }: GenerationCallOptions,
  ): Promise<Answer> {
    const script = typeof this.script === 'function' ? this.script(request) : this.script;
    const { promise: ended, resolve: end } = deferred();
    const asked: ReceivedRequest = { model, request, keepAlive, signal, pulled: 0, over: false, ended };
    this.requests.push(asked);
    this.#events.emit('request');
    await pause(script.wait, signal);
    if (script.refusal) throw script.refusal;
    const { promptTokens = 5, warnings = [] } = script;
    let ending: Ending | undefined;
    async function* deltas(): AsyncGenerator<Delta> {
      try {
        for (const delta of script.deltas) {
          await pause(script.pause, signal);
          asked.pulled += 1;
          yield typeof delta === 'string'
            ? { text: delta, logprobs: [], token: asked.pulled, answerTokens: asked.pulled }
            : delta;
        }
        await pause(script.pause, signal);
        if (script.failure) throw script.failure;
        ending = endingOf(script.ending, promptTokens, asked.pulled);
      } finally {
        asked.over = true;
        end();
      }
    }
    return {
      promptTokens,
      warnings,
      get ending() {
        return ending;
      },
      [Symbol.asyncIterator]: deltas,
    };
  }

  /** The embedding of an input has its length and its place. */
  async *embed(
    model: ServedModel,
    { inputs, ...request }: EmbeddingRequest,
    { keepAlive }: GenerationCallOptions,
  ): AsyncGenerator<EmbeddedInputs, void, void> {
    this.#call(`embed ${model.name} ${JSON.stringify({ inputs, ...request, keepAlive })}`);
    for (const [i, { length }] of inputs.entries())
      yield { vectors: [new Float32Array([length, i / 10])], tokens: length, loadSeconds: 0.125 };
  }

  async load(model: ServedModel, keepAlive?: number): Promise<number> {
    this.#call(['load', model.name, ...(keepAlive === undefined ? [] : [keepAlive])].join(' '));
    return 0.125;
  }

  async unload(model: ServedModel): Promise<void> {
    this.#call(`unload ${model.name}`);
  }

  layersOf(model: ServedModel): readonly ManifestLayer[] {
    return this.ownStore?.read(model.name) ?? [];
  }

  async remove(model: ServedModel): Promise<void> {
    this.#call(`remove ${model.name}`);
    this.served.splice(this.served.indexOf(model), 1);
  }

  /** Its token of a character is the code point; `bos` is token 1. */
  async *tokenize(
    _: ServedModel,
    text: string,
    { bos }: { special: boolean; bos: boolean },
  ): AsyncGenerator<readonly number[], void, void> {
    this.#call(`tokenize ${text}`);
    yield bos ? [1] : [];
    for (const character of text) yield [character.codePointAt(0) ?? 0];
  }

  async *detokenize(_: ServedModel, tokens: readonly number[]): AsyncGenerator<string, void, void> {
    this.#call(`detokenize ${tokens.join(' ')}`);
    for (const token of tokens) yield String.fromCodePoint(token);
  }

  async pieces(_: ServedModel, tokens: readonly number[]): Promise<readonly Uint8Array[]> {
    return tokens.map((token) => (token < 256 ? Uint8Array.of(token) : Buffer.from(String.fromCodePoint(token))));
  }

  /** A token for each character. */
  async countTokens(_: ServedModel, prompt: ChatPrompt): Promise<number> {
    return conversationOf(prompt).messages.reduce((sum, { content }) => sum + content.length, 0);
  }

  async applyTemplate(model: ServedModel, prompt: ChatPrompt): Promise<string> {
    this.#call(`template ${model.name}`);
    if (!model.chats) throw new EngineError('TEMPLATE_FAILED', { reason: 'the model has none' });
    return conversationOf(prompt)
      .messages.map(({ role, content }) => `<|${role}|>${content}`)
      .join('');
  }

  async metrics(): Promise<readonly Metric[]> {
    return this.figures;
  }

  async status(): Promise<EnginesStatus> {
    this.#call('status');
    return enginesStatus(this.figures, this.engine, 1_800_000_000_000);
  }

  async whatIf(model: ServedModel, changes: PlanChanges): Promise<WhatIf> {
    this.#call(`what if ${model.name} ${JSON.stringify(changes)}`);
    return { plan: null, needed: 7, speed: null };
  }

  #call(call: BackendCall): void {
    this.calls.push(call);
    if (this.failure) throw this.failure;
  }
}

async function pause(until: number | Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  if (typeof until === 'number') await sleep(until, undefined, { signal });
  else await until;
  signal.throwIfAborted();
}

/** A log that keeps what it is told. */
export class FakeLog implements Log {
  readonly entries: { readonly level: keyof Log; readonly fields: object; readonly message: string }[] = [];

  debug(fields: object, message: string): void {
    this.entries.push({ level: 'debug', fields, message });
  }

  info(fields: object, message: string): void {
    this.entries.push({ level: 'info', fields, message });
  }

  warn(fields: object, message: string): void {
    this.entries.push({ level: 'warn', fields, message });
  }

  error(fields: object, message: string): void {
    this.entries.push({ level: 'error', fields, message });
  }
}
