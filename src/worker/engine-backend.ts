import { EngineError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type ChatPrompt, conversationOf } from '../chat/message.ts';
import type { Library, LibraryModel } from '../library/library.ts';
import type { ServedModel } from '../library/model-card.ts';
import { removable, removeModel } from '../library/removal.ts';
import type { ModelSettings } from '../model/model-options.ts';
import type { PlanChanges } from '../model/opened-model.ts';
import type { WhatIf } from '../model/what-if.ts';
import { mostParallel, usualContext } from '../plan/defaults.ts';
import type { ManifestLayer } from '../stores/manifest.ts';
import type { OwnStore } from '../stores/own-store.ts';
import { maxPartUnits } from '../text/text-parts.ts';
import { AdapterScales } from './adapter-scales.ts';
import type {
  Answer,
  Backend,
  EmbeddedInputs,
  EmbeddingRequest,
  GenerationCallOptions,
  GenerationRequest,
  Health,
  LoadedModel,
  Metric,
  Places,
} from './backend.ts';
import { embeddingParts } from './embedding-parts.ts';
import { EngineAnswer, type Outcome } from './engine-answer.ts';
import { EnginePool, type EngineRef } from './engine-pool.ts';
import { fitRequest } from './fit-request.ts';
import type { EngineCall, EngineResults } from './protocol.ts';
import { isRefused } from './refused.ts';
import { RequestCounts } from './request-counts.ts';
import type { EnginesStatus } from './server-status.ts';
import { ServerWatch } from './server-watch.ts';

export interface BackendSettings {
  /** Settings of each engine. Without a context one is chosen, which grows when a request wants more. */
  readonly model: ModelSettings;
  /** Requests that wait beside those that are answered. */
  readonly maxQueue: number;
  /** Seconds that an idle model stays loaded. */
  readonly keepAlive: number;
  /** Whether engines shall report their events to the log. */
  readonly debug?: boolean | undefined;
  /** The CPU variant of ggml that computes; default: the one that suits the processor best. */
  readonly cpuVariant?: string | undefined;
  /** The best way to read from the device of a file, if that was measured. */
  readingOf(path: string): ModelSettings['reading'];
}

const outcomeOf = (error: unknown, signal: AbortSignal): Outcome =>
  signal.aborted ? 'cancelled' : isRefused(error) ? 'refused' : 'failed';

/** The most tokens that an engine is asked to turn into text at once. */
const tokensAtOnce = 4096;
/** Seconds of silence after which new requests do better elsewhere. Tokens of a prompt of megabytes take as long. */
const stalled = 10;

/** The models of a library, and the engine that answers for one of them at a time. */
export class EngineBackend implements Backend, AsyncDisposable {
  readonly adapters: AdapterScales;
  readonly #library: Library;
  readonly #settings: BackendSettings;
  readonly #pool: EnginePool;
  readonly #requests: RequestCounts = new RequestCounts();
  readonly #watch: ServerWatch;

  constructor(library: Library, settings: BackendSettings, log: Log) {
    this.#library = library;
    this.#settings = settings;
    this.adapters = new AdapterScales(settings.model);
    this.#pool = new EnginePool({
      startOf: ({ path, trainedContext, preset }, context) => ({
        path,
        settings: {
          ...settings.model,
          preset,
          context: settings.model.context ?? (context && Math.min(context, trainedContext)),
          reading: settings.readingOf(path),
        },
        debug: settings.debug ?? false,
        cpuVariant: settings.cpuVariant,
      }),
      keepAlive: settings.keepAlive,
      log,
      onEnd: (stats) => this.#watch.add(stats),
    });
    this.#watch = new ServerWatch(this.#pool, this.#requests);
  }

  health(): Health {
    if (this.#pool.starting) return 'loading';
    return (this.#pool.current?.process.silent ?? 0) < stalled ? 'ok' : 'stalled';
  }

  models(): readonly ServedModel[] {
    return this.#library.models();
  }

  find(name: string, options?: { readonly full?: boolean }): ServedModel | undefined {
    return this.#library.find(name, options);
  }

  readonly store = (): OwnStore | undefined => this.#library.ownStore;

  loaded(): readonly LoadedModel[] {
    const { current } = this.#pool;
    if (!current) return [];
    const { model, expires, process } = current;
    const { memory, gpuMemory, context, parallel } = process.facts;
    return [{ model, expires, memory, gpuMemory, context, parallel, active: process.stats.state.active }];
  }

  places(model: ServedModel): Places {
    const { context = Math.min(model.trainedContext, usualContext) } = this.#settings.model;
    const expected = { parallel: this.#usualParallel, context, active: 0 };
    return this.loaded().find(({ model: { name } }) => name === model.name) ?? expected;
  }

  async generate(
    served: ServedModel,
    request: GenerationRequest,
    { signal, keepAlive }: GenerationCallOptions,
  ): Promise<Answer> {
    const began = performance.now();
    let release = (): void => {};
    const left = this.#enter();
    const end = (outcome: Outcome): void => {
      release();
      left(outcome);
    };
    try {
      const options = { context: this.#contextFor(served, request.context), keepAlive, signal };
      const engine = await this.#pool.acquire(this.#libraryModel(served), options);
      ({ release } = engine);
      const fitting = fitRequest(this.adapters.applied(served, request), engine.process.facts);
      const answer = await engine.process.generate(fitting, signal);
      return new EngineAnswer({ answer, signal, loadSeconds: engine.loadSeconds, began, onEnd: end });
    } catch (error) {
      end(outcomeOf(error, signal));
      throw error;
    }
  }

  async *embed(
    served: ServedModel,
    request: EmbeddingRequest,
    { signal, keepAlive }: GenerationCallOptions,
  ): AsyncGenerator<EmbeddedInputs, void, void> {
    const left = this.#enter();
    let outcome: Outcome = 'cancelled';
    let release = (): void => {};
    try {
      const options = { context: this.#contextFor(served, request.context), keepAlive, signal };
      const engine = await this.#pool.acquire(this.#libraryModel(served), options);
      ({ release } = engine);
      const { process, loadSeconds } = engine;
      for (const part of embeddingParts(this.adapters.applied(served, request), process.facts)) {
        yield { ...(await process.call({ name: 'embed', request: part }, signal)), loadSeconds };
      }
      outcome = 'stop';
    } catch (error) {
      outcome = outcomeOf(error, signal);
      signal.throwIfAborted();
      throw error;
    } finally {
      release();
      left(outcome);
    }
  }

  async load(model: ServedModel, keepAlive?: number): Promise<number> {
    const began = performance.now();
    await this.#call(model, { name: 'load' }, keepAlive);
    return (performance.now() - began) / 1000;
  }

  unload(model: ServedModel): Promise<void> {
    return this.#pool.evict(this.#libraryModel(model));
  }

  layersOf(served: ServedModel): readonly ManifestLayer[] {
    return this.#library.layersOf(this.#libraryModel(served));
  }

  async remove(served: ServedModel): Promise<void> {
    const model = this.#libraryModel(served);
    await removable(model);
    await this.#pool.evict(model);
    // The files may have changed meanwhile.
    await removeModel(this.#libraryModel(served));
  }

  async *tokenize(
    model: ServedModel,
    text: string,
    options: { special: boolean; bos: boolean },
  ): AsyncGenerator<readonly number[], void, void> {
    const { process, release } = await this.#acquire(model);
    try {
      for (let start = 0, first = true; first || start < text.length; first = false) {
        // One unit more shows that the text continues.
        const rest = text.slice(start, start + maxPartUnits + 1);
        const part = await process.call({ name: 'tokenize', text: rest, first, ...options });
        yield part.tokens;
        start += part.units;
      }
    } finally {
      release();
    }
  }

  async *detokenize(model: ServedModel, tokens: readonly number[]): AsyncGenerator<string, void, void> {
    const { process, release } = await this.#acquire(model);
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    try {
      for (let start = 0; start < tokens.length; start += tokensAtOnce) {
        const some = tokens.slice(start, start + tokensAtOnce);
        const bytes = await process.call({ name: 'detokenize', tokens: some });
        yield decoder.decode(bytes, { stream: true });
      }
      yield decoder.decode();
    } finally {
      release();
    }
  }

  pieces(model: ServedModel, tokens: readonly number[]): Promise<readonly Uint8Array[]> {
    return this.#call(model, { name: 'pieces', tokens });
  }

  countTokens(model: ServedModel, prompt: ChatPrompt): Promise<number> {
    return this.#call(model, { name: 'count', conversation: conversationOf(prompt) });
  }

  applyTemplate(model: ServedModel, prompt: ChatPrompt): Promise<string> {
    return this.#call(model, { name: 'template', conversation: conversationOf(prompt) });
  }

  async metrics(): Promise<readonly Metric[]> {
    return this.#watch.figures();
  }

  status(): Promise<EnginesStatus> {
    return this.#watch.status();
  }

  whatIf(model: ServedModel, changes: PlanChanges): Promise<WhatIf> {
    return this.#call(model, { name: 'whatIf', changes });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#pool[Symbol.asyncDispose]();
  }

  async #call<N extends EngineCall['name']>(
    model: ServedModel,
    call: Extract<EngineCall, { name: N }>,
    keepAlive?: number,
  ): Promise<EngineResults[N]> {
    const { process, release } = await this.#acquire(model, keepAlive);
    try {
      return await process.call(call);
    } finally {
      release();
    }
  }

  /** Takes a place among the requests that are answered or wait, until the result is called. Throws SERVER_BUSY. */
  #enter(): (outcome: Outcome) => void {
    const parallel = this.#pool.current?.process.facts.parallel ?? this.#usualParallel;
    return this.#requests.enter(parallel, this.#settings.maxQueue);
  }

  #acquire(model: ServedModel, keepAlive?: number): Promise<EngineRef> {
    return this.#pool.acquire(this.#libraryModel(model), { keepAlive, signal: new AbortController().signal });
  }

  /** A served model with its files. Throws MODEL_NOT_FOUND if they are gone. */
  #libraryModel({ name }: ServedModel): LibraryModel {
    const model = this.#library.find(name);
    if (!model) throw new EngineError('MODEL_NOT_FOUND', { file: name });
    return model;
  }

  /** Sequences that an engine will compute together, as far as that is known before it runs. */
  get #usualParallel(): number {
    const { parallel } = this.#settings.model;
    return typeof parallel === 'number' ? parallel : mostParallel;
  }

  /** Tokens that the engine's context should have at least; undefined if its own choice will do. */
  #contextFor({ trainedContext }: ServedModel, context: number | undefined): number | undefined {
    const { context: fixed, kv } = this.#settings.model;
    // With a window an engine takes texts of any length, and no more memory for them.
    if (fixed !== undefined || kv?.window || context === undefined) return undefined;
    return Math.min(context, trainedContext);
  }
}
