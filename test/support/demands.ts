import fc from 'fast-check';
import type { EngineError } from '../../src/base/errors.ts';
import { makePlan } from '../../src/plan/make-plan.ts';
import { type Demand, planBytes } from '../../src/plan/plan.ts';
import { pageSpanOf } from '../../src/plan/slices.ts';
import { thrown } from './engine-error.ts';
import { anyBanks, anyManifest } from './weights.ts';

const MiB = 2 ** 20;
/** Bytes of a page. */
export const page = 4096;

/** A model to plan for, without a budget; weights of other types than these have a faster layout, if `converts`. */
const anyLoneModel: fc.Arbitrary<Omit<Demand, 'budget'>> = fc
  .record({
    manifest: fc.tuple(anyManifest, fc.oneof(fc.constant([]), anyBanks)).map(([dense, banks]) => [...dense, ...banks]),
    expertCache: fc.option(fc.integer({ min: 0, max: 40 * MiB }), { freq: 3, nil: undefined }),
    context: fc.integer({ min: 1, max: 8192 }),
    runtime: fc.integer({ min: 0, max: 80 * MiB }),
    kv: fc.integer({ min: 0, max: 40 * MiB }).map((bytes) => () => bytes),
    perBatch: fc.integer({ min: 0, max: 2 * MiB }),
    perToken: fc.integer({ min: 0, max: 100_000 }),
    converts: fc.boolean(),
  })
  .map(({ perBatch, perToken, converts, ...rest }) => ({
    ...rest,
    page,
    compute: (tokens) => perBatch + tokens * perToken,
    converted: ({ weight, shape, extent }) =>
      converts && shape.length >= 2 && weight.type.name !== 'f32' ? extent.length + 777 : undefined,
  }));
/** Models, now and then with a draft model, which has the budget that it wants. */
export const anyModel: fc.Arbitrary<Omit<Demand, 'budget'>> = fc
  .tuple(anyLoneModel, fc.option(anyLoneModel, { freq: 3, nil: undefined }))
  .map(([model, draft]) => ({
    ...model,
    draft: draft && makePlan({ ...draft, runtime: 0, budget: Number.MAX_SAFE_INTEGER, sliceBytes: 8 * MiB }),
  }));
/** Bytes of a draft model. */
export const draftBytes = ({ draft }: Pick<Demand, 'draft'>): number => (draft ? planBytes(draft) : 0);

/** The error for a budget in which nothing fits. */
export const refusal = (model: Omit<Demand, 'budget'>, budget = 1): EngineError<'BUDGET_TOO_SMALL'> =>
  thrown('BUDGET_TOO_SMALL', () => makePlan({ ...model, budget }));
/** The smallest budget that works. */
export const smallest = (model: Omit<Demand, 'budget'>): number => refusal(model).details.needed;

/** Bytes of all weights when they stay. */
export const allBytes = ({ manifest, converted }: Omit<Demand, 'budget'>): number =>
  manifest.reduce((sum, { weight }) => {
    const slice = { id: 0, weight, row: 0, shape: weight.shape, extent: weight.extent };
    return sum + Math.max(pageSpanOf(weight.extent, page).bytes, converted(slice) ?? 0);
  }, 0);

/** A model and a budget: the smallest that works, or up to what is more than enough. */
export const anyDemand: fc.Arbitrary<Demand> = fc
  .record({ model: anyModel, part: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1.3, noNaN: true })) })
  .map(({ model, part }) => {
    const whole = model.runtime + model.kv(512) + draftBytes(model) + model.compute(512, []) + 1.1 * allBytes(model);
    const least = smallest(model);
    return { ...model, budget: least + Math.floor(part * Math.max(0, whole - least)) };
  });
