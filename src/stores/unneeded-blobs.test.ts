import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { unneededBlobs } from './unneeded-blobs.ts';

const hour = 3_600_000;
const paths = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'));

test('what a manifest names stays; of the rest goes what a model had that is gone, and what is older than a day', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.record({ path: fc.constantFrom('a', 'b', 'c', 'd', 'e'), age: fc.nat(48 * hour) }), {
        selector: ({ path }) => path,
      }),
      paths,
      paths,
      (blobs, named, dropped) => {
        const gone = unneededBlobs(blobs, { named: new Set(named), dropped: new Set(dropped) });
        for (const { path, age } of blobs) {
          const needed = named.includes(path) || (!dropped.includes(path) && age <= 24 * hour);
          assert.equal(gone.includes(path), !needed, path);
        }
        assert.ok(gone.every((path) => blobs.some((blob) => blob.path === path)));
      },
    ),
  );
});

test('whatever models are made and removed, the blobs that are left are those of the models that are left', () => {
  const model = fc.record({ name: fc.constantFrom('x', 'y', 'z'), layers: paths });
  fc.assert(
    fc.property(fc.array(model, { maxLength: 12 }), (steps) => {
      const models = new Map<string, readonly string[]>();
      const blobs = new Set<string>();
      for (const { name, layers } of steps) {
        const dropped = new Set(models.get(name));
        for (const layer of layers) blobs.add(layer);
        if (layers.length > 0) models.set(name, layers);
        else models.delete(name);
        const named = new Set([...models.values()].flat());
        const young = [...blobs].map((path) => ({ path, age: 0 }));
        for (const path of unneededBlobs(young, { named, dropped })) blobs.delete(path);
        assert.deepEqual([...blobs].sort(), [...named].sort());
      }
    }),
  );
});
