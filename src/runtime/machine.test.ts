import assert from 'node:assert/strict';
import { availableParallelism, totalmem } from 'node:os';
import test from 'node:test';
import { engineError, thrown } from '../../test/support/engine-error.ts';
import { budgetFor, threadsFor } from './machine.ts';

const MiB = 2 ** 20;

/** Warnings of a call, beside its result. */
function warned<T>(call: (warn: (reason: Error) => void) => T): { result: T; warnings: readonly string[] } {
  const warnings: string[] = [];
  return { result: call(({ message }) => warnings.push(message)), warnings };
}

/** The most that a budget may be here. */
const most = (): number => thrown('BUDGET_TOO_LARGE', () => budgetFor(2 ** 60)).details.memory;

test('a budget beyond what there is is refused, and one beyond what is free is warned about', () => {
  assert.ok(most() <= totalmem());
  const all = warned((warn) => budgetFor(most(), warn));
  assert.equal(all.result, most());
  assert.match(all.warnings.join(), /is more than the .* free now/);
  assert.deepEqual(
    warned((warn) => budgetFor(MiB, warn)),
    { result: MiB, warnings: [] },
  );
});

test('the budget that is chosen is one that needs no warning', () => {
  const chosen = budgetFor(undefined);
  assert.ok(chosen > 0 && chosen <= most());
  assert.deepEqual(warned((warn) => budgetFor(chosen, warn)).warnings, []);
});

test('there are no more threads than cores, and whoever wants more is told', () => {
  const cores = threadsFor(undefined);
  assert.ok(cores >= 1 && cores <= availableParallelism());
  assert.deepEqual(
    warned((warn) => threadsFor(1, warn)),
    { result: 1, warnings: [] },
  );
  const many = warned((warn) => threadsFor(cores + 1, warn));
  assert.equal(many.result, cores);
  assert.match(many.warnings.join(), new RegExp(`${cores + 1} threads would wait for each other`));
});

test('what is no budget, and no number of threads, is refused', () => {
  const refuses = (call: () => unknown): void => assert.throws(call, engineError('BAD_OPTION'));
  for (const budget of [0, -1, Number.NaN]) refuses(() => budgetFor(budget));
  for (const threads of [0, -1, 1.5, Number.NaN]) refuses(() => threadsFor(threads));
});
