import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { at } from '../base/at.ts';
import { GrammarCache, type GrammarLease } from './grammar-cache.ts';

const bytes = 1000;

/** A grammar that remembers as much as it may. */
class Greedy {
  readonly fixedBytes: number;
  /** Grammars that have been told what they may remember. */
  readonly #told: Set<Greedy> | undefined;
  remembered = 0;

  constructor(fixedBytes: number, told?: Set<Greedy>) {
    this.fixedBytes = fixedBytes;
    this.#told = told;
  }

  allow(bytes: number): void {
    this.remembered = bytes;
    this.#told?.add(this);
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);

test('all grammars together stay within the bound, whatever texts come and go; only those that do not fit are refused', () => {
  const steps = fc.array(
    fc.record({ kind: fc.constantFrom('get', 'acquire', 'acquire', 'end'), key: fc.nat({ max: 11 }) }),
  );
  const sizes = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 12, maxLength: 12 });
  fc.assert(
    fc.property(sizes, steps, (sizes, steps) => {
      const cache = new GrammarCache<Greedy>(bytes);
      const held = new Set<Greedy>();
      const leases: { readonly key: number; readonly lease: GrammarLease<Greedy> }[] = [];
      for (const { kind, key } of steps) {
        held.clear();
        const make = (): Greedy => new Greedy(at(sizes, key), held);
        const inUse = new Set(leases.map(({ key }) => key));
        const isTooMuch = sum([...inUse.add(key)].map((key) => at(sizes, key))) > 0.75 * bytes;
        if (kind === 'get') assert.equal(cache.get(`${key}`, make).fixedBytes, at(sizes, key));
        else if (kind === 'end') leases.splice(key % (leases.length + 1), 1)[0]?.lease[Symbol.dispose]();
        else if (isTooMuch) assert.throws(() => cache.acquire(`${key}`, make), engineError('GRAMMARS_FULL'));
        else leases.push({ key, lease: cache.acquire(`${key}`, make) });
        if (kind === 'acquire' && isTooMuch) continue;
        assert.ok(sum([...held].map(({ fixedBytes, remembered }) => fixedBytes + remembered)) <= bytes + 1e-6);
        for (const { lease } of leases) assert.ok(lease.grammar.remembered > 0);
      }
    }),
  );
});

test('texts share a grammar; those that nobody uses go first, the oldest of them first, and a few stay', () => {
  const cache = new GrammarCache<Greedy>(bytes);
  let made = 0;
  const make = (): Greedy => {
    made += 1;
    return new Greedy(10);
  };
  using first = cache.acquire('a', make);
  using second = cache.acquire('a', make);
  assert.equal(first.grammar, second.grammar);
  for (const key of ['b', 'c', 'd', 'e', 'f']) cache.get(key, make);
  assert.equal(made, 6);
  for (const key of ['f', 'e', 'd', 'c', 'a']) cache.get(key, make);
  assert.equal(made, 6);
  cache.get('b', make);
  assert.equal(made, 7);
});
