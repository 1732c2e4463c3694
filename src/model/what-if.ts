import type { Engine } from '../engine/engine.ts';
import { type PlanSummary, summarize } from '../plan/explain.ts';
import { addCurves, hitsOf } from '../plan/hit-curve.ts';
import { isTooSmall, orTooSmall } from '../plan/kv-homes.ts';
import { usualReadCosts } from '../plan/machine-speeds.ts';
import { expectToken, learn, type MeasuredModel, undisturbed } from '../plan/measured-model.ts';
import { planBytes } from '../plan/plan.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { OpenedModel, PlanChanges } from './opened-model.ts';

/** A plan that could be, and its speed. */
interface PossiblePlan {
  readonly plan: PlanSummary & { readonly parallel: number; readonly unused: number };
  readonly needed: null;
  /** Tokens of one text a second, without drafts, and the part that limits it; null until the model has run. */
  readonly speed: { readonly tokens_per_s: number; readonly bound: 'reading' | 'computing' } | null;
}

/** A budget that is too small, and the smallest that works, in bytes. */
interface TooSmall {
  readonly plan: null;
  readonly needed: number;
  readonly speed: null;
}

export type WhatIf = PossiblePlan | TooSmall;

/** Tokens after which a run says something about others. */
const enoughTokens = 4;

/**
 * The plan with `changes`, and the speed that the model's runs let expect of it. Throws BAD_OPTION, CONTEXT_BEYOND_MODEL,
 * KV_TYPE_UNSUITABLE and the other errors of planning, but for a budget that is too small.
 */
export function whatIf(
  opened: OpenedModel,
  runtime: Runtime,
  engine: Pick<Engine, 'loneTokens'>,
  changes: PlanChanges,
): WhatIf {
  const plan = orTooSmall(() => opened.planWith(changes));
  if (isTooSmall(plan)) return { plan: null, needed: plan.details.needed, speed: null };
  const model = measuredBy(opened, runtime, engine);
  const manifest = opened.outline.graphs.manifest(plan.context, plan.window);
  const expected = model && expectToken(model, plan, manifest);
  return {
    plan: {
      ...summarize(plan, hitsOf(model?.hits ?? [])),
      parallel: plan.parallel,
      unused: plan.budget - planBytes(plan),
    },
    needed: null,
    speed: expected ? { tokens_per_s: 1 / expected.seconds, bound: expected.bound } : null,
  };
}

/** The findings of earlier runs and of this one, so far. */
function measuredBy(
  opened: OpenedModel,
  { plan, pager, reader }: Runtime,
  { loneTokens }: Pick<Engine, 'loneTokens'>,
): MeasuredModel | undefined {
  const { tokens, seconds, waited, disturbed } = loneTokens.time;
  const known = opened.measuredModel;
  if (tokens < enoughTokens) return known;
  const bytes = plan.slices.reduce((sum, { extent }) => sum + extent.length, 0);
  // Kernels that nobody has measured are as fast as this run computes.
  const rate = (bytes * tokens) / (seconds - waited);
  const read = opened.readRate ?? (reader.busySeconds > 0 ? reader.bytesRead / reader.busySeconds : undefined);
  const [steps, slower] = [{ step: 0, ring: [], experts: null }, 1];
  const speeds = { plain: rate, converted: rate, ...steps, half: { ...steps, slower }, further: 1, rest: 0, choice: 0 };
  const reads = opened.readCosts ?? usualReadCosts;
  const base = known ?? (read && { speeds: { ...speeds, read, reads }, factors: {}, hits: [], disturbed: undisturbed });
  if (!base) return undefined;
  const manifest = opened.outline.graphs.manifest(plan.context, plan.window);
  const run = { tokens, seconds, waited, hits: addCurves(pager.hitCurves), disturbed };
  return learn(base, run, plan, manifest);
}
