import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { jsonSize } from './json-size.ts';

const depthOf = (value: unknown): number =>
  typeof value !== 'object' || value === null ? 0 : 1 + Math.max(0, ...Object.values(value).map(depthOf));

/** Commas 1, strings 8, names 20, objects and lists 8. */
function weightOf(value: unknown): number {
  if (typeof value === 'string') return 8;
  if (typeof value !== 'object' || value === null) return 0;
  const inner = Object.values(value);
  const names = Array.isArray(value) ? 0 : 20 * inner.length;
  return 8 + names + Math.max(0, inner.length - 1) + inner.reduce((sum: number, one) => sum + weightOf(one), 0);
}

test('JSON has the depth and the weight of its value, however it is written', () => {
  const odd = fc.constantFrom('"', '\\', '\\"', '[{,}]', '\\\\"', '');
  const value = fc.jsonValue({ maxDepth: 6 }).chain((json) => odd.map((text) => [json, text, { [text]: json }]));
  fc.assert(
    fc.property(value, fc.constantFrom(undefined, 1), (json, indent) => {
      const text = JSON.stringify(json, undefined, indent);
      assert.deepEqual(jsonSize(text, Number.POSITIVE_INFINITY), { depth: depthOf(json), weight: weightOf(json) });
    }),
  );
});

test('any text is weighed, and no further than it may weigh', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('"', '\\', '[', ']', '{', ',') }), (text) => {
      const { weight } = jsonSize(text, 50);
      assert.ok(weight <= 58);
    }),
  );
});
