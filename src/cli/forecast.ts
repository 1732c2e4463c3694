import { watchOtherWork } from '../base/core-times.ts';
import { bestDraftLength, draftedRate, usualAcceptance } from '../engine/draft/draft-length.ts';
import { aheadOf } from '../engine/draft/drafter.ts';
import type { Device } from '../ggml/device.ts';
import type { ModelOptions } from '../model/model-options.ts';
import { contextOf } from '../model/preset.ts';
import { budgetSteps, sizesAbove } from '../plan/budget-steps.ts';
import { summarize } from '../plan/explain.ts';
import { type FasterWay, gains } from '../plan/faster-ways.ts';
import { type HitRate, hitsOf } from '../plan/hit-curve.ts';
import { isTooSmall, orTooSmall } from '../plan/kv-homes.ts';
import type { KernelSpeeds } from '../plan/machine-speeds.ts';
import { expectToken, forecastParts, type MeasuredModel } from '../plan/measured-model.ts';
import { type ForecastParts, forecastFirstToken, forecastPass } from '../plan/pass-forecast.ts';
import type { Plan } from '../plan/plan.ts';
import { forecastDecode } from '../plan/token-forecast.ts';
import { budgetFor, machineBytes } from '../runtime/machine.ts';
import { measureModel } from '../runtime/measure-model.ts';
import type { ModelOutline } from '../runtime/model-outline.ts';
import { budgetOn, openDevice } from '../runtime/open-device.ts';
import { layoutLookup, planModel, vocabularyBytes } from '../runtime/planner.ts';
import { usualRuntimeBytes } from '../runtime/process-memory.ts';
import type { SavedCalibration } from './calibrations.ts';
import type { DraftCandidate } from './draft-candidate.ts';
import type { FirstCalibrations } from './first-calibration.ts';
import { Progress } from './print/progress.ts';

/** The most draft tokens in a pass, and the draft model if there is one. */
interface Drafting {
  readonly ahead: number;
  readonly outline: ModelOutline | undefined;
}

/** Decoding as it is to be expected behind a prompt of 512 tokens, one text at a time. */
export interface ExpectedSpeed {
  readonly tokens_per_s: number;
  /** Seconds from opening the model to the first token of an answer, and the tokens of the prompt. */
  readonly first_token_s: number;
  readonly first_token_prompt: number;
  /**
   * The ground of the figure: a run of this model that the same part limited, the speeds of the kernels and of reads as
   * measured, or those of another model or of a usual drive.
   */
  readonly basis: 'last run' | 'calibrated' | 'assumed';
  /** True if it was measured while other work was in the way: it is measured again next time. */
  readonly busy: boolean;
  /** The part that takes longer. */
  readonly bound: 'reading' | 'computing';
  /** The ground of the share of experts that are found in slots: runs of this model, or of others. */
  readonly hits_basis: 'runs' | 'other models' | null;
  /** The best rate of the storage; null where nothing is read, or nobody knows. */
  readonly storage_bytes_per_s: number | null;
}

/** A plan, the device that it is for, and what is to be expected of it. */
export interface Expectation extends DevicePlan {
  /** Null for a model that decodes nothing, and for a device with memory of its own. */
  readonly speed: ExpectedSpeed | null;
  readonly hitRate: HitRate;
  /** Speeds of the kernels that it rests on. */
  readonly kernels?: KernelSpeeds;
}

interface OutlookOptions {
  readonly calibrations: Pick<FirstCalibrations, 'of'>;
  /** Tokens of the prompt before the first token; default 512, as far as the context reaches. */
  readonly prompt?: number | undefined;
  /** Speeds of kernels to take for this model's, which are not measured then. */
  readonly likely?: KernelSpeeds | undefined;
  /** False for files that have not come: nothing is read of them; default: true. */
  readonly present?: boolean | undefined;
  /** True if somebody waits: reads are measured once, not for each budget; default: false. */
  readonly hurried?: boolean | undefined;
}

/** Tokens of the prompt that first tokens are forecast for, as far as the context reaches. */
const usualPrompt = 512;
/** Rows of a table of budgets. */
const mostBudgets = 9;

/** A plan, and the device that it is for. */
export interface DevicePlan {
  readonly plan: Plan;
  readonly device: Pick<Device, 'kind' | 'name'>;
}

/**
 * The plan by which a process that does nothing else would run the model; without `drafting` it would not draft. Throws
 * the errors of `planModel`.
 */
export function forecast(outline: ModelOutline, options: ModelOptions, drafting?: Drafting): DevicePlan {
  using device = openDevice(drafting?.outline ? [outline, drafting.outline] : [outline], options);
  const plan = planOn(device, outline, options, { drafting, budget: planBudget(device, options) });
  options.debug?.('planned', summarize(plan));
  const { kind, name } = device;
  return { plan, device: { kind, name } };
}

const planBudget = (device: Device, { memoryBudget, warn }: ModelOptions): number =>
  budgetOn(device, budgetFor(memoryBudget, warn), warn);

function planOn(
  device: Device,
  outline: ModelOutline,
  options: ModelOptions,
  { drafting, budget }: { drafting?: Drafting | undefined; budget: number },
): Plan {
  const { kernels = 'auto' } = options;
  return planModel(outline, device, layoutLookup(device, kernels), {
    ...options,
    context: contextOf(options, outline.config.context),
    kernels,
    promptCache: options.promptCache?.bytes,
    ahead: drafting?.ahead,
    draft: drafting?.outline,
    budget,
    runtime: usualRuntimeBytes(vocabularyBytes(outline) + outline.graphs.loadedBytes + device.driverBytes),
  });
}

/** A model on this machine, and what is to be expected of it under one budget and another. */
export class Outlook implements Disposable {
  readonly #outline: ModelOutline;
  readonly #options: ModelOptions;
  readonly #how: OutlookOptions;
  readonly #device: Device;
  /** True until kernels that were measured in vain have had their second chance. */
  #again = true;
  readonly #wasDisturbed = watchOtherWork();
  /** Bytes of the budget that the options say, or this machine. */
  readonly budget: number;

  /** Throws the errors of a device, BAD_OPTION and BUDGET_TOO_LARGE. */
  constructor(outline: ModelOutline, options: ModelOptions, how: OutlookOptions) {
    this.#outline = outline;
    this.#options = options;
    this.#how = how;
    this.#device = openDevice([outline], options);
    options.debug?.('device', this.#device.facts());
    this.budget = planBudget(this.#device, options);
  }

  [Symbol.dispose](): void {
    this.#device[Symbol.dispose]();
  }

  /**
   * The plan under a budget and its speed. Kernels that nobody has measured are measured, and so is the storage. Rejects
   * with the errors of `planModel`, and where a measurement fails with OUT_OF_MEMORY.
   */
  async expect(budget: number = this.budget): Promise<Expectation> {
    const plan = this.#plan(budget);
    if (budget === this.budget) this.#options.debug?.('planned', summarize(plan));
    const { kind, name } = this.#device;
    const device = { kind, name };
    // The cost of uploads is not known.
    if (this.#outline.graphs.wholeTexts || plan.host) return { plan, device, speed: null, hitRate: hitsOf([]) };
    const reads = plan.bytesPerPass > 0 || plan.experts !== undefined;
    const { likely, prompt = usualPrompt } = this.#how;
    const storage = await this.#storage();
    const read = storage?.bytesPerSecond;
    const model = await this.#measured(plan);
    const parts = this.#parts(model, plan);
    const { seconds, bound, known } = expectToken(model, plan, parts.manifest);
    const first_token_prompt = Math.min(prompt, plan.context - 1);
    // Reads of files that have come were measured with the kernels.
    const unknown = reads && read === undefined && model.factors.reading === undefined && this.#how.present === false;
    // Another model's speeds, not equal ones: of the same file, say.
    const guessed = unknown || model.speeds.half === likely?.half;
    return {
      plan,
      device,
      speed: {
        tokens_per_s: 1 / seconds,
        first_token_s: forecastFirstToken(parts, first_token_prompt),
        first_token_prompt,
        basis: known ? 'last run' : guessed ? 'assumed' : 'calibrated',
        busy: known ? model.disturbed.run : model.disturbed.kernels || (reads && storage?.disturbed === true),
        bound,
        hits_basis: plan.experts ? (model.hits.length > 0 ? 'runs' : 'other models') : null,
        storage_bytes_per_s: reads ? (read ?? null) : null,
      },
      hitRate: hitsOf(model.hits),
      kernels: model.speeds,
    };
  }

  /** Expectations under budgets from the smallest that works to that with which nothing is read for a token. */
  async budgets(): Promise<readonly Expectation[]> {
    const least = orTooSmall(() => this.#plan(1));
    if (!isTooSmall(least)) throw new RangeError('a plan takes more than a byte');
    const { needed } = least.details;
    const steps = [...budgetSteps(needed, this.#whole(needed), mostBudgets - 1), this.budget];
    const expectations: Expectation[] = [];
    for (const budget of [...new Set(steps)].sort((a, b) => a - b)) {
      if (budget >= needed) expectations.push(await this.expect(budget));
    }
    return expectations;
  }

  /**
   * Ways that make the model clearly faster than it is expected to be, among them the draft model that is found, if there
   * is one; none where that would be a guess.
   */
  async faster({ plan, speed }: Expectation, draft?: () => DraftCandidate | undefined): Promise<readonly FasterWay[]> {
    if (!speed || speed.basis === 'assumed' || isWhole(plan)) return [];
    const memory = await this.#withMemory(plan, speed);
    if (this.#options.draft?.model !== undefined) return memory;
    const candidate = draft?.();
    using _ = candidate?.outline.graphs;
    const drafted = candidate && (await this.#withDraft(candidate));
    return drafted && gains(speed.tokens_per_s, drafted.tokens_per_s) ? [...memory, drafted] : memory;
  }

  async #withMemory(plan: Plan, speed: ExpectedSpeed): Promise<readonly FasterWay[]> {
    const ways: FasterWay[] = [];
    let best = speed.tokens_per_s;
    for (const budget of sizesAbove(plan.budget).slice(0, 8)) {
      const more = await this.expect(budget);
      const whole = isWhole(more.plan);
      // The first size that gains is told, and the one with which all is in memory.
      if (more.speed && gains(best, more.speed.tokens_per_s) && (ways.length === 0 || whole)) {
        best = more.speed.tokens_per_s;
        ways.push({ kind: 'memory', budget, whole, here: budget <= machineBytes(), tokens_per_s: best });
      }
      if (whole) break;
    }
    return ways;
  }

  /** The speed with a draft model whose tokens are accepted as often as is usual; undefined if there is no room for it. */
  async #withDraft({ name, outline: draft }: DraftCandidate): Promise<FasterWay | undefined> {
    const ahead = aheadOf({ model: draft.path });
    const plan = orTooSmall(() => this.#plan(this.budget, { ahead, outline: draft }));
    if (isTooSmall(plan) || !plan.draft) return undefined;
    const parts = this.#parts(await this.#measured(plan), plan);
    const ofDraft = draft.graphs.manifest(plan.draft.context, plan.draft.window);
    const { speeds, hitRate } = parts;
    const outlook = {
      acceptance: usualAcceptance,
      seconds: (tokens: number) => forecastPass(parts, tokens),
      cost: forecastDecode(plan.draft, ofDraft, speeds, hitRate).seconds,
    };
    const tokens_per_s = draftedRate(outlook, bestDraftLength(outlook, ahead, { sequences: 0, tokens: 0 }));
    return { kind: 'draft', model: name, accepted: usualAcceptance, tokens_per_s };
  }

  #plan(budget: number, drafting?: Drafting): Plan {
    return planOn(this.#device, this.#outline, this.#options, { drafting, budget });
  }

  #storage(): Promise<SavedCalibration | undefined> {
    return this.#how.calibrations.of(this.#outline.file.files);
  }

  async #measured(plan: Plan): Promise<MeasuredModel> {
    const { kernels = 'auto', kv, measuredFolder: folder, warn } = this.#options;
    const [outline, device, { likely, present, hurried }] = [this.#outline, this.#device, this.#how];
    const [layoutOf, storage] = [layoutLookup(device, kernels), await this.#storage()];
    const [read, reads] = [storage?.bytesPerSecond, storage?.costs];
    // On a machine that is still busy it would be in vain.
    const again = this.#again && !this.#wasDisturbed(device.threads);
    this.#again = false;
    using progress = new Progress('measuring how fast this machine computes');
    const onMeasure = (): void => progress.show('');
    const parts = { outline, device, layoutOf, kernels, kv, read, reads, reading: storage, present, hurried, folder };
    return await measureModel({ ...parts, likely, again, onMeasure, warn }, plan);
  }

  #parts(model: MeasuredModel, plan: Plan): ForecastParts {
    return forecastParts(model, plan, this.#outline.graphs.manifest(plan.context, plan.window));
  }

  /** The smallest budget, to a few percent, with which nothing is read for a token. */
  #whole(least: number): number {
    let [low, high] = [least, least + 2 * this.#outline.file.bytes];
    while (high > 1.02 * low) {
      const middle = (low + high) / 2;
      if (isWhole(this.#plan(middle))) high = middle;
      else low = middle;
    }
    return high;
  }
}

const isWhole = (plan: Plan): boolean => plan.streamed.length === 0 && !plan.experts;
