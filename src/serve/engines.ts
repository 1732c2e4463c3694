import { EngineError } from '../base/errors.ts';
import type { ModelSettings } from '../engine/model-options.ts';
import { addSums, type EngineSums, noState, noSums } from '../engine/tally.ts';
import type { Reading } from '../stream/reader.ts';
import type { Message } from '../text/chat-template.ts';
import { longestPart } from '../text/parts.ts';
import { EngineAnswer, type Outcome } from './answer.ts';
import type { ServedModel } from './card.ts';
import type { Call, TokenizedPart } from './child/protocol.ts';
import { EngineStage, type Lodging } from './engine-stage.ts';
import { fitting } from './fitting.ts';
import type { Answer, Ask, AskOptions, Health, Hub, LoadedModel, Metric } from './hub.ts';
import type { Library, LibraryModel } from './library.ts';
import type { Log } from './log.ts';
import { metricsOf } from './metrics.ts';
import { isRefused } from './refused.ts';
import { removable, removeModel } from './removal.ts';

export interface EngineSettings {
  /** What each engine is told. Without a context there one is chosen, which grows when a request wants more. */
  readonly model: ModelSettings;
  /** Requests that wait beside those that are answered. */
  readonly maxQueue: number;
  /** Seconds that an idle model stays loaded. */
  readonly keepAlive: number;
  /** Whether engines are to tell the log what they do. */
  readonly debug?: boolean | undefined;
  /** Which of ggml's CPU variants computes; left out, the one that suits the processor best. */
  readonly cpuVariant?: string | undefined;
  /** How to read from the device of a file, if that was measured. */
  readingOf(path: string): Reading | undefined;
}

/** Tokens that an engine is asked to write at once. */
const tokensAtOnce = 4096;
/** Seconds of silence after which new requests do better elsewhere. Tokens of a prompt of megabytes take as long. */
const stalled = 10;
/** Places that are counted on while no engine says how many it has. */
const usualParallel = 4;

/** The models of a library, and the engine that answers for one of them at a time. */
export class Engines implements Hub, AsyncDisposable {
  readonly #library: Library;
  readonly #settings: EngineSettings;
  readonly #stage: EngineStage;
  readonly #outcomes: Map<Outcome, number> = new Map();
  /** Of engines that have ended. */
  #past: EngineSums = noSums;
  /** Requests that have not ended. */
  #pending = 0;

  constructor(library: Library, settings: EngineSettings, log: Log) {
    this.#library = library;
    this.#settings = settings;
    this.#stage = new EngineStage({
      startOf: ({ path, trainedContext }, context) => ({
        path,
        settings: {
          ...settings.model,
          context: settings.model.context ?? (context === undefined ? undefined : Math.min(context, trainedContext)),
          reading: settings.readingOf(path),
        },
        debug: settings.debug ?? false,
        cpuVariant: settings.cpuVariant,
      }),
      keepAlive: settings.keepAlive,
      log,
      onEnd: ({ sums }) => {
        this.#past = addSums(this.#past, sums);
      },
    });
  }

  health(): Health {
    if (this.#stage.starting) return 'loading';
    return (this.#stage.resident?.process.silent ?? 0) < stalled ? 'ok' : 'stalled';
  }

  models(): readonly ServedModel[] {
    return this.#library.models();
  }

  find(name: string): ServedModel | undefined {
    return this.#library.find(name);
  }

  loaded(): readonly LoadedModel[] {
    const { resident } = this.#stage;
    if (!resident) return [];
    const { model, expires, process } = resident;
    return [{ model, expires, memory: process.facts.memory, context: process.facts.context }];
  }

  async ask(served: ServedModel, ask: Ask, { signal, keepAlive }: AskOptions): Promise<Answer> {
    const began = performance.now();
    const parallel = this.#stage.resident?.process.facts.parallel ?? this.#usualParallel;
    if (this.#pending >= parallel + this.#settings.maxQueue) {
      this.#count('busy');
      throw new EngineError('SERVER_BUSY', { waiting: this.#pending - parallel });
    }
    this.#pending += 1;
    let leave = (): void => {};
    const end = (outcome: Outcome): void => {
      leave();
      this.#pending -= 1;
      this.#count(outcome);
    };
    try {
      const wish = { context: this.#wanted(served, ask.context), keepAlive, signal };
      const lodging = await this.#stage.enter(this.#present(served), wish);
      ({ leave } = lodging);
      const answer = await lodging.process.ask(fitting(ask, lodging.process.facts), signal);
      return new EngineAnswer({ answer, signal, startSeconds: lodging.startSeconds, began, onEnd: end });
    } catch (error) {
      end(signal.aborted ? 'cancelled' : isRefused(error) ? 'refused' : 'failed');
      throw error;
    }
  }

  async load(model: ServedModel, keepAlive?: number): Promise<number> {
    const began = performance.now();
    await this.#call(model, { name: 'load' }, keepAlive);
    return (performance.now() - began) / 1000;
  }

  unload(model: ServedModel): Promise<void> {
    return this.#stage.clear(this.#present(model));
  }

  async remove(served: ServedModel): Promise<void> {
    const model = this.#present(served);
    await removable(model);
    await this.#stage.clear(model);
    // Much may have happened meanwhile.
    await removeModel(this.#present(served));
  }

  async *tokenize(
    model: ServedModel,
    text: string,
    options: { special: boolean; bos: boolean },
  ): AsyncGenerator<readonly number[], void, void> {
    const { process, leave } = await this.#lodge(model);
    try {
      for (let start = 0, first = true; first || start < text.length; first = false) {
        // One unit more tells that the text goes on.
        const rest = text.slice(start, start + longestPart + 1);
        const part = (await process.call({ name: 'tokenize', text: rest, first, ...options })) as TokenizedPart;
        yield part.tokens;
        start += part.units;
      }
    } finally {
      leave();
    }
  }

  async *detokenize(model: ServedModel, tokens: readonly number[]): AsyncGenerator<string, void, void> {
    const { process, leave } = await this.#lodge(model);
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    try {
      for (let start = 0; start < tokens.length; start += tokensAtOnce) {
        const some = tokens.slice(start, start + tokensAtOnce);
        const bytes = (await process.call({ name: 'detokenize', tokens: some })) as Uint8Array;
        yield decoder.decode(bytes, { stream: true });
      }
      yield decoder.decode();
    } finally {
      leave();
    }
  }

  async applyTemplate(model: ServedModel, messages: readonly Message[]): Promise<string> {
    return String(await this.#call(model, { name: 'template', messages }));
  }

  metrics(): Promise<readonly Metric[]> {
    const tally = this.#stage.resident?.process.tally;
    return Promise.resolve(
      metricsOf({
        outcomes: this.#outcomes,
        pending: this.#pending,
        sums: addSums(this.#past, tally?.sums ?? noSums),
        state: tally?.state ?? noState,
      }),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stage[Symbol.asyncDispose]();
  }

  async #call(model: ServedModel, call: Call, keepAlive?: number): Promise<unknown> {
    const { process, leave } = await this.#lodge(model, keepAlive);
    try {
      return await process.call(call);
    } finally {
      leave();
    }
  }

  #lodge(model: ServedModel, keepAlive?: number): Promise<Lodging> {
    return this.#stage.enter(this.#present(model), { keepAlive, signal: new AbortController().signal });
  }

  /** With its files. Throws MODEL_NOT_FOUND if they are gone. */
  #present({ name }: ServedModel): LibraryModel {
    const model = this.#library.find(name);
    if (!model) throw new EngineError('MODEL_NOT_FOUND', { file: name });
    return model;
  }

  /** Sequences that an engine will compute together, as far as that is known before it runs. */
  get #usualParallel(): number {
    const { parallel } = this.#settings.model;
    return typeof parallel === 'number' ? parallel : usualParallel;
  }

  /** Tokens that the engine's context should have at least; undefined if its own choice will do. */
  #wanted({ trainedContext }: ServedModel, context: number | undefined): number | undefined {
    const { context: fixed, kv } = this.#settings.model;
    // With a window an engine takes texts of any length, and no more memory for them.
    if (fixed !== undefined || kv?.window || context === undefined) return undefined;
    return Math.min(context, trainedContext);
  }

  #count(outcome: Outcome): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }
}
