import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { forecastRouted, forecastToken, type LayerForecast, type RoutedCosts } from './expert-forecast.ts';

const seconds = fc.double({ min: 1e-6, max: 1e-2, noNaN: true });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const anyLayer: fc.Arbitrary<LayerForecast> = fc.record({
  always: seconds,
  used: fc.nat(10),
  expert: seconds,
  expertBytes: fc.integer({ min: 1, max: 2 ** 25 }),
  hits: share,
});
const anyLayers = fc.array(anyLayer, { minLength: 1, maxLength: 60 });
const anyRate = fc.double({ min: 1e8, max: 1e10, noNaN: true });

const sum = (layers: readonly LayerForecast[], of: (layer: LayerForecast) => number): number =>
  layers.reduce((total, layer) => total + of(layer), 0);
const close = (a: number, b: number): void => assert.ok(Math.abs(a - b) <= 1e-9 * Math.abs(b), `${a} is not ${b}`);

test('a token without misses takes its computing, and one without hits reads before it computes', () => {
  fc.assert(
    fc.property(anyLayers, anyRate, (layers, rate) => {
      const computing = sum(layers, ({ always, used, expert }) => always + used * expert);
      const reading = sum(layers, ({ used, expertBytes }) => (used * expertBytes) / rate);
      const withHits = (hits: number): number =>
        forecastToken(
          layers.map((layer) => ({ ...layer, hits })),
          rate,
        );
      close(withHits(1), computing);
      close(withHits(0), computing + reading);
    }),
  );
});

test('a token takes no less than its computing, and its reading; and no more than both together', () => {
  fc.assert(
    fc.property(anyLayers, anyRate, (layers, rate) => {
      const computing = sum(layers, ({ always, used, expert }) => always + used * expert);
      const reading = sum(layers, ({ used, hits, expertBytes }) => ((1 - hits) * used * expertBytes) / rate);
      const token = forecastToken(layers, rate);
      assert.ok(token >= Math.max(computing, reading) * (1 - 1e-9));
      assert.ok(token <= (computing + reading) * (1 + 1e-9));
    }),
  );
});

test('a layer that reads little does not make up for one that reads much', () => {
  const layer = { always: 0, used: 2, expert: 1, expertBytes: 4, hits: 0.5 };
  // Alone: one hit is computed in a second, while one miss is read in 4; then that is computed.
  assert.equal(forecastToken([layer], 1), 5);
  const quick = { ...layer, expertBytes: 0, hits: 1 };
  assert.equal(forecastToken([layer, quick], 1), 7);
});

const anyRouted: fc.Arbitrary<RoutedCosts> = fc.record({
  ...{ used: fc.integer({ min: 1, max: 10 }), slots: fc.integer({ min: 1, max: 16 }), hits: share },
  ...{ step: seconds, expert: seconds, read: seconds, core: seconds },
});

test('on average over those that are missing, a layer takes no less than with the average of them', () => {
  fc.assert(
    fc.property(anyRouted, (costs) => {
      const { used, hits, expert, read } = costs;
      const routed = forecastRouted(costs);
      const layer = { always: routed.once, used, expert, expertBytes: read, hits };
      assert.ok(routed.seconds >= forecastToken([layer], 1) * (1 - 1e-9));
      close(routed.computing, routed.once + used * expert);
      close(routed.reading + 1, (1 - hits) * used * read + 1);
    }),
  );
});

test('where all experts are there, or none are, there is nothing to average', () => {
  const costs = { used: 2, slots: 4, step: 1, expert: 10, read: 100, core: 5 };
  assert.deepEqual(forecastRouted({ ...costs, hits: 1 }), { seconds: 23, reading: 0, computing: 23, once: 3 });
  const none = forecastRouted({ ...costs, hits: 0 });
  assert.deepEqual(none, { seconds: 13 + 200 + 20, reading: 200, computing: 33, once: 13 });
});
