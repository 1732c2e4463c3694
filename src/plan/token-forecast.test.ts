import assert from 'node:assert/strict';
import test from 'node:test';
import { weightOf } from '../../test/support/weights.ts';
import { usualHits } from './expert-forecast.ts';
import type { Plan } from './plan.ts';
import { secondsOfToken } from './token-forecast.ts';

const close = (a: number, b: number): void => assert.ok(Math.abs(a - b) <= 1e-9 * Math.abs(b), `${a} is not ${b}`);

test('a plan is forecast by its weights: those of all tokens, experts that a token uses, and whatever is read', () => {
  const dense = { weight: weightOf('dense', 'f32', [100, 50]), streamable: true };
  const bank = (name: string, router: number) => ({
    weight: weightOf(name, 'f32', [100, 10, 8]),
    streamable: false,
    experts: { router, used: 2 },
  });
  const mixture = [dense, bank('gate', 0), bank('down', 0), bank('up', 1)];
  const seconds = (plan: Partial<Plan>): number =>
    secondsOfToken({ bytesPerPass: 0, experts: undefined, ...plan } as Plan, mixture, { read: 1e3, compute: 1e4 });
  const [all, expert] = [20_000, 4000];
  // Two experts of a router with two matrices, and two of one with one.
  close(seconds({}), (all + 6 * expert) / 1e4);
  const half = { experts: { slots: 4, banks: [] } };
  const missed = (1 - usualHits(0.5)) * 6 * expert;
  close(seconds(half), all / 1e4 + missed / 1e3 + missed / 1e4);
  close(seconds({ ...half, bytesPerPass: 1e6 }), (1e6 + missed) / 1e3);
});
