import { EngineError } from '../base/errors.ts';
import { collectGarbage } from '../base/garbage.ts';
import type { Debug } from '../base/log.ts';
import { serializeError } from '../base/serialized-error.ts';
import { idleState, zeroTotals } from '../engine/engine-totals.ts';
import type { Generation } from '../engine/generation.ts';
import type { Logprob, TokenProbability } from '../engine/logprobs.ts';
import { chooseCpuVariant } from '../ggml/cpu-variant.ts';
import { hearTrouble } from '../ggml/log.ts';
import { engineStatus } from '../model/engine-status.ts';
import { Model } from '../model/model.ts';
import type { ModelOptions } from '../model/model-options.ts';
import { whatIf } from '../model/what-if.ts';
import { hostBytes, planBytes } from '../plan/plan.ts';
import type { GenerationRequest, TokenLogprob } from './backend.ts';
import { unitsOf } from './fit-request.ts';
import { promptReports } from './prompt-reports.ts';
import type { EngineCall, EngineOrder, EngineReport, EngineResults, EngineStart, ReportBody } from './protocol.ts';
import { generateOptionsOf, requestPrompt, tokenizedPart } from './request-tokens.ts';

/** Milliseconds between two reports of the counts, which are signs of life as well. */
const tallyInterval = 1000;

/** The most tokens of prompts that are answered or wait, if all places together do not have more. */
const mostQueuedTokens = 2 ** 19;
/** The most tokens that are counted: clients ask for numbers beyond the context, too. */
const mostCounted = 2 ** 20;
/** Characters of a grammar's source for each token that takes as much memory. */
const charactersPerToken = 8;
/** UTF-16 units of texts that leave so much garbage that it is collected at once. */
const much = 2 ** 19;

interface ActiveRequest {
  readonly abort: AbortController;
  /** Tokens of the prompt. */
  readonly tokens: number;
}

/** The engine process's side of the protocol: it carries out orders, and reports. */
export class EngineWorker {
  readonly #report: (report: EngineReport) => void;
  readonly #leave: () => void;
  readonly #active: Map<number, ActiveRequest> = new Map();
  #model: Model | undefined;
  #context = 0;
  /** Tokens of all sequences that are computed together. */
  #cacheTokens = 0;
  /** UTF-16 units of the texts that were read since garbage was collected. */
  #garbage = 0;
  readonly #timer: NodeJS.Timeout;

  /** A worker that says what happens by `report`, and by `leave` that it can answer nothing more. */
  constructor(report: (report: EngineReport) => void, leave: () => void) {
    this.#report = report;
    this.#leave = leave;
    this.#timer = setInterval(() => this.#say({ kind: 'stats' }), tallyInterval);
  }

  dispatch(order: EngineOrder): void {
    switch (order.kind) {
      case 'start':
        void this.#start(order.start);
        break;
      case 'generate':
        this.#generate(order.id, order.request);
        break;
      case 'cancel':
        this.#active.get(order.id)?.abort.abort();
        break;
      case 'call':
        void this.#answerCall(order.id, order.call);
        break;
      case 'close':
        void this.end();
        break;
      default:
        order satisfies never;
    }
  }

  /** Reports that no report may come for `seconds`. */
  announceSilence(seconds: number): void {
    this.#say({ kind: 'silence', seconds });
  }

  /** Closes the model and lets the process end. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await this.#model?.[Symbol.asyncDispose]();
    process.exit();
  }

  #say(report: ReportBody): void {
    this.#report({ ...report, stats: this.#model?.tally() ?? { sums: zeroTotals, state: idleState } });
  }

  async #start(start: EngineStart): Promise<void> {
    try {
      if (start.cpuVariant !== undefined) chooseCpuVariant(start.cpuVariant);
      this.#model = this.#open(start);
      // Drivers may end the process, after some words of their own.
      if (this.#model.device.kind !== 'cpu') hearTrouble((line) => this.#say({ kind: 'warning', reason: line.trim() }));
      const { plan } = await this.#model.start();
      this.#context = plan.context;
      this.#cacheTokens = plan.context * plan.parallel;
      const longestToken = this.#model.prompts.mostUnits(1);
      const { context, parallel } = plan;
      const { kind, name } = this.#model.device;
      const memory = planBytes(plan) + hostBytes(plan);
      const gpuMemory = kind === 'cpu' ? 0 : planBytes(plan);
      const facts = { memory, gpuMemory, device: { kind, name }, context, parallel, longestToken };
      this.#say({ kind: 'started', facts });
    } catch (error) {
      this.#say({ kind: 'refused', failure: serializeError(error) });
    }
  }

  /** Opens the model. Options that do not suit this one of many served models are left out. */
  #open(start: EngineStart): Model {
    const warn = (reason: Error): void => this.#say({ kind: 'warning', reason: reason.message });
    const debug: Debug = (event, facts) => this.#say({ kind: 'event', event, facts });
    let options: ModelOptions = { ...start.settings, warn, debug: start.debug ? debug : undefined };
    for (;;) {
      try {
        return Model.open(start.path, options);
      } catch (error) {
        const code = error instanceof EngineError ? error.code : undefined;
        if (code === 'VOCABULARY_DIFFERS') options = { ...options, draft: { ...options.draft, model: undefined } };
        else if (code === 'KV_TYPE_UNSUITABLE') options = { ...options, kv: { ...options.kv, type: 'f16' } };
        else if (code === 'NOT_WITH_LIBLLAMA')
          options = { ...options, kv: { type: options.kv?.type }, rope: undefined };
        else if (code === 'NO_ROTATION') options = { ...options, rope: undefined };
        else if (code === 'NO_EXPERTS') options = { ...options, expertCache: undefined };
        else throw error;
        warn(error as Error);
      }
    }
  }

  /** Answers a request. The method is not `async`: a promise would hold the request until its answer has ended. */
  #generate(id: number, request: GenerationRequest): void {
    const abort = new AbortController();
    const grammarTokens = heldBy(request);
    try {
      const model = this.#opened();
      const prompt = requestPrompt(model, request, this.#context);
      const { tokens, warnings } = prompt;
      const { length } = tokens;
      const held = length + grammarTokens;
      this.#checkQueue(held);
      const generation = model.generate(prompt, {
        ...generateOptionsOf(request, abort.signal),
        onPrompt: request.progress
          ? promptReports((progress) => this.#say({ kind: 'progress', id, progress }))
          : undefined,
      });
      this.#active.set(id, { abort, tokens: held });
      this.#say({ kind: 'accepted', id, promptTokens: length, warnings });
      void this.#relay(id, model, generation, request.tokens === true);
    } catch (error) {
      this.#fail(id, error);
    }
    this.#read(unitsOf(request.prompt) + charactersPerToken * grammarTokens);
  }

  /** Reports an answer as it comes; with `whole`, the ending has all tokens. */
  async #relay(id: number, model: Model, generation: Generation, whole: boolean): Promise<void> {
    try {
      for await (const { logprob, ...piece } of generation) {
        const logprobs = logprob ? [namedLogprob(model, logprob)] : [];
        this.#say({ kind: 'delta', id, ...piece, logprobs, answerTokens: generation.answerTokens });
      }
      this.#say({ kind: 'ended', id, ending: endingOf(generation, whole) });
    } catch (error) {
      this.#fail(id, error);
    } finally {
      this.#active.delete(id);
    }
  }

  /** Reports a failure. A device that failed may be gone, and the next engine finds what there is. */
  #fail(id: number, error: unknown): void {
    this.#say({ kind: 'failure', id, failure: serializeError(error) });
    if (error instanceof EngineError && error.code === 'DEVICE_FAILED') this.#leave();
  }

  /** Throws SERVER_BUSY if waiting prompts and grammars would take more memory than is planned. One alone always may. */
  #checkQueue(tokens: number): void {
    const queued = [...this.#active.values()].reduce((sum, one) => sum + one.tokens, 0);
    if (this.#active.size > 0 && queued + tokens > Math.max(mostQueuedTokens, this.#cacheTokens))
      throw new EngineError('SERVER_BUSY', { waiting: this.#active.size });
  }

  /** Counts texts, whose garbage V8 would not collect before it is much. */
  #read(units: number): void {
    this.#garbage += units;
    if (this.#garbage < much) return;
    this.#garbage = 0;
    setImmediate(collectGarbage);
  }

  async #answerCall(id: number, call: EngineCall): Promise<void> {
    try {
      this.#say({ kind: 'result', id, value: await this.#value(id, call) });
    } catch (error) {
      this.#fail(id, error);
    } finally {
      this.#active.delete(id);
    }
  }

  async #value(id: number, call: EngineCall): Promise<EngineResults[EngineCall['name']]> {
    const model = this.#opened();
    switch (call.name) {
      case 'load':
        await model.load();
        return undefined;
      case 'plan':
        model.plan(call.context);
        return undefined;
      case 'whatIf': {
        const { opened, engine } = model.inner;
        const runtime = await model.start();
        // A plan leaves up to 15 MB of garbage, which is no part of the budget.
        this.#read(much);
        return whatIf(opened, runtime, engine, call.changes);
      }
      case 'status': {
        const { opened, engine } = model.inner;
        return engineStatus(opened, await model.start(), engine);
      }
      case 'embed': {
        const { inputs, query, context, ...options } = call.request;
        const tokens = inputs.reduce((sum, { length }) => sum + Math.min(length, this.#context), 0);
        this.#checkQueue(tokens);
        const abort = new AbortController();
        this.#active.set(id, { abort, tokens });
        this.#read(inputs.reduce((sum, { length }) => sum + length, 0));
        const limits = { longest: context, signal: abort.signal };
        if (query === undefined) return model.embed(inputs, { ...options, ...limits });
        const { scores, tokens: count } = await model.rank(query, inputs, { ...limits, loras: options.loras });
        return { vectors: scores.map((score) => new Float32Array([score])), tokens: count };
      }
      case 'tokenize':
        return tokenizedPart(model.vocabulary, call);
      case 'detokenize':
        return model.vocabulary.bytes(call.tokens, { special: true });
      case 'pieces':
        return call.tokens.map((token) => model.vocabulary.piece(token, { special: true }));
      case 'count':
        this.#read(unitsOf({ kind: 'chat', ...call.conversation }));
        return model.prepare(call.conversation, mostCounted).tokens.length;
      case 'template':
        this.#read(unitsOf({ kind: 'chat', ...call.conversation }));
        return model.render(call.conversation);
      default:
        return call satisfies never;
    }
  }

  #opened(): Model {
    if (!this.#model) throw new Error('the engine was not started');
    return this.#model;
  }
}

/** The ending of a generation; undefined if it was cancelled. */
function endingOf(generation: Generation, whole: boolean): Extract<ReportBody, { kind: 'ended' }>['ending'] {
  const { stats, stopReason, promptTokens, answerTokens } = generation;
  if (!stats || stopReason === undefined || stopReason === 'cancelled') return undefined;
  return {
    reason: stopReason,
    promptTokens,
    cachedTokens: stats.prefill.cached,
    answerTokens,
    thoughtTokens: generation.thoughtTokens,
    stopText: generation.stopText,
    promptSeconds: stats.prefill.seconds,
    answerSeconds: stats.decode.seconds,
    tokens: whole ? [...generation.prompt, ...generation.tokens] : undefined,
  };
}

/** A log-probability with the texts of its tokens. */
function namedLogprob({ vocabulary }: Model, logprob: Logprob): TokenLogprob {
  const name = ({ token, logprob }: TokenProbability): Omit<TokenLogprob, 'top'> => {
    const piece = vocabulary.piece(token, { special: true });
    return { token, text: Buffer.from(piece).toString(), bytes: [...piece], logprob };
  };
  return { ...name(logprob), top: logprob.top.map(name) };
}

/** Tokens that take as much memory as the grammar that a request waits with. */
const heldBy = ({ grammar }: GenerationRequest): number =>
  grammar === undefined ? 0 : Math.ceil(JSON.stringify(grammar).length / charactersPerToken);
