import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { architectureFile } from '../../test/support/architectures/architecture-file.ts';
import { loraFile } from '../../test/support/lora-file.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { usualReadCosts } from '../plan/machine-speeds.ts';
import { type MeasuredModel, undisturbed } from '../plan/measured-model.ts';
import { type ComputedWith, lastSpeeds, measuredKey, measuredModel, saveMeasured } from './measured-models.ts';
import { openOutline } from './model-outline.ts';

const way = 'cpu haswell 2 auto';
const found: MeasuredModel = {
  speeds: {
    ...{ read: 2e9, reads: usualReadCosts, plain: 1e10, converted: null },
    ...{
      step: 1e-4,
      ring: [{ read: 1e9, bytes: 2e6, core: 1e-11 }],
      experts: null,
      half: { step: 1e-5, ring: [], experts: { read: 1e9, bytes: 2e6, core: 0 }, slower: 1.9 },
      further: 0.2,
      rest: 1e-3,
      choice: 5e-4,
    },
  },
  disturbed: undisturbed,
  factors: { reading: 1.1 },
  hits: [{ asked: 10, depths: [1, 2, 3.5] }],
};

test('findings are read as they were saved, beside those of other models', () => {
  using folder = tempFolder();
  const cache = folder.file('deep/cache');
  assert.equal(measuredModel(cache, 'a'), undefined);
  saveMeasured(cache, 'a', { way, ...found });
  saveMeasured(cache, 'b', { way, ...found, factors: {} });
  saveMeasured(cache, 'a', { way, ...found, factors: { computing: 2 } });
  assert.deepEqual(measuredModel(cache, 'a'), { ...found, factors: { computing: 2 } });
  assert.deepEqual(measuredModel(cache, 'b'), { ...found, factors: {} });
  assert.deepEqual(readdirSync(cache), ['measured-models.json'], 'nothing else is left there');
});

test('speeds of the model that was last measured in the same way, and read, stand for one that has not come', () => {
  using folder = tempFolder();
  assert.equal(lastSpeeds(folder.path, way), undefined);
  const saved = (key: string, changed: Partial<MeasuredModel['speeds']>, other = way): void =>
    saveMeasured(folder.path, key, { way: other, ...found, speeds: { ...found.speeds, ...changed } });
  saved('a', { read: 1 });
  saved('b', { read: 2 });
  saved('reads nothing', { read: 3, ring: [] });
  saved('computed in another way', { read: 4 }, 'cpu x64 2 auto');
  assert.equal(lastSpeeds(folder.path, way)?.read, 2);
});

test('of many models those that were measured last are remembered', () => {
  using folder = tempFolder();
  const file = folder.file('measured-models.json');
  writeFileSync(
    file,
    JSON.stringify(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`m${i}`, { way, ...found }]))),
  );
  saveMeasured(folder.path, 'm0', { way, ...found });
  saveMeasured(folder.path, 'new', { way, ...found });
  const kept = Object.keys(JSON.parse(readFileSync(file, 'utf8')) as object);
  assert.deepEqual([kept.length, kept[0], ...kept.slice(-2)], [200, 'm2', 'm0', 'new']);
});

test('a file with anything in it is read as far as it is sound', () => {
  using folder = tempFolder();
  const write = (text: string): void => writeFileSync(folder.file('measured-models.json'), text);
  for (const text of ['', '{', 'null', '[]', '7', '"text"', '{"a": null}', '{"a": []}']) {
    write(text);
    assert.equal(measuredModel(folder.path, 'a'), undefined, text);
  }
  const { speeds } = found;
  for (const wrong of [
    { speeds: { ...speeds, read: 0 } },
    { speeds: { ...speeds, plain: null } },
    { speeds: { ...speeds, converted: '7' } },
    { speeds: { ...speeds, step: -1 } },
    { speeds: { ...speeds, half: undefined } },
    { speeds: { ...speeds, half: { step: 0, slower: 0 } } },
    { speeds: { ...speeds, rest: null } },
    { speeds: { ...speeds, reads: { ...usualReadCosts, core: -1 } } },
    { speeds: { ...speeds, reads: undefined } },
    { disturbed: { kernels: true } },
    { disturbed: undefined },
    { factors: { reading: 0 } },
    { factors: null },
    { hits: [{ asked: 5, depths: [1, 2, 3] }] },
    { hits: [{ asked: 5, depths: [-1] }] },
    { hits: {} },
    { way: 7 },
    { speeds: { ...speeds, ring: null } },
    { speeds: { ...speeds, experts: { read: 0, bytes: 1, core: 0 } } },
  ]) {
    write(JSON.stringify({ a: { way, ...found, ...wrong }, b: { way, ...found } }));
    assert.equal(measuredModel(folder.path, 'a'), undefined, JSON.stringify(wrong));
    assert.deepEqual(measuredModel(folder.path, 'b'), found);
  }
  fc.assert(
    fc.property(fc.json(), (value) => {
      write(`{"a": ${value}}`);
      assert.equal(measuredModel(folder.path, 'a'), undefined);
    }),
  );
});

test('where nothing can be kept, that is an error, and nothing else happens', () => {
  using folder = tempFolder();
  writeFileSync(folder.file('file'), 'in the way');
  mkdirSync(folder.file('taken/measured-models.json'), { recursive: true });
  for (const cache of [folder.file('file'), folder.file('file/below'), folder.file('taken')]) {
    assert.throws(() => saveMeasured(cache, 'a', { way, ...found }));
    assert.equal(measuredModel(cache, 'a'), undefined);
  }
  assert.deepEqual(readdirSync(folder.file('taken')), ['measured-models.json']);
});

test('a model is another one once its file has changed, with adapters, or when it is computed in another way', () => {
  using folder = tempFolder();
  const path = architectureFile(folder.file('model.gguf'), 'qwen3');
  const usual = { device: 'cpu', threads: 2, kernels: 'auto', variant: 'haswell' } satisfies ComputedWith;
  const keyOf = (changed: Partial<ComputedWith> = {}) => measuredKey(openOutline(path), { ...usual, ...changed });
  const keys = [
    keyOf(),
    keyOf({ device: 'metal' }),
    keyOf({ threads: 1 }),
    keyOf({ kernels: 'plain' }),
    keyOf({ variant: 'x64' }),
    keyOf({ kv: { type: 'q4_0' } }),
    keyOf({ kv: { home: 'ssd' } }),
    keyOf({ kv: { window: { tokens: 64, sinks: 4 } } }),
  ];
  assert.equal(keyOf({ kv: { type: 'f16', home: 'auto', folder: 'anywhere' } }), keys[0]);
  const adapted = openOutline(path, { loras: [{ path: loraFile(folder.file('adapter.gguf'), path) }] });
  using _graphs = adapted.graphs;
  keys.push(measuredKey(adapted, usual));
  utimesSync(path, 1, 1);
  keys.push(keyOf());
  assert.equal(new Set(keys).size, keys.length);
  const outline = openOutline(path);
  rmSync(path);
  assert.equal(measuredKey(outline, usual), undefined, 'of a file that is gone nothing is remembered');
});
