import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { pageBytes } from '../ggml/system.ts';
import { betterCalibration, saveCalibration, savedCalibration } from './calibrations.ts';
import { storageOf } from './storage.ts';

const found = { bytesPerSecond: 3.5e9, chunkBytes: 4 * 2 ** 20, inFlight: 7, direct: true };

test('what was found about the storage of one file is known for the others on it', () => {
  using folder = tempFolder();
  const cache = folder.file('deep/cache');
  writeFileSync(folder.file('other'), '');
  assert.equal(savedCalibration(folder.path, cache), undefined);
  assert.equal(saveCalibration(folder.path, found, cache), true);
  assert.deepEqual(savedCalibration(folder.file('other'), cache), found);
  assert.equal(savedCalibration(folder.file('missing'), cache), undefined);
  assert.deepEqual(readdirSync(cache), ['calibrations.json'], 'nothing else is left there');
});

test('other storages stay known, and the newest finding counts', () => {
  using folder = tempFolder();
  const file = folder.file('calibrations.json');
  writeFileSync(file, JSON.stringify({ 'another drive': found, damaged: { ...found, inFlight: 0 } }));
  saveCalibration(folder.path, found, folder.path);
  saveCalibration(folder.path, { ...found, inFlight: 2 }, folder.path);
  assert.equal(savedCalibration(folder.path, folder.path)?.inFlight, 2);
  const { key = '' } = storageOf(folder.path) ?? {};
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), {
    'another drive': found,
    [key]: { ...found, inFlight: 2 },
  });
});

test('a file with anything in it is read as far as it is sound', () => {
  using folder = tempFolder();
  const { key = '' } = storageOf(folder.path) ?? {};
  const write = (text: string): void => writeFileSync(folder.file('calibrations.json'), text);
  for (const text of ['', '{', 'null', '[]', '7', '"text"', `{"${key}": null}`, `{"${key}": []}`]) {
    write(text);
    assert.equal(savedCalibration(folder.path, folder.path), undefined, text);
  }
  const sound = { ...found, more: 'is ignored' };
  write(JSON.stringify({ [key]: sound }));
  assert.equal(savedCalibration(folder.path, folder.path)?.inFlight, 7);
  for (const wrong of [
    { inFlight: 0 },
    { inFlight: 2.5 },
    { inFlight: '7' },
    { chunkBytes: 0 },
    { chunkBytes: pageBytes + 1 },
    { chunkBytes: 2 ** 40 },
    { bytesPerSecond: 0 },
    { bytesPerSecond: null },
    { direct: 1 },
    { costs: null },
    { costs: { each: 1, core: -1, coreByte: 0 } },
    { disturbed: 'yes' },
  ]) {
    write(JSON.stringify({ [key]: { ...sound, ...wrong } }));
    assert.equal(savedCalibration(folder.path, folder.path), undefined, JSON.stringify(wrong));
  }
  write(JSON.stringify({ [key]: sound }).replace('3500000000', '1e999'));
  assert.equal(savedCalibration(folder.path, folder.path), undefined, 'an infinite rate');
  fc.assert(
    fc.property(fc.json(), (value) => {
      write(`{${JSON.stringify(key)}: ${value}}`);
      assert.equal(savedCalibration(folder.path, folder.path), undefined);
    }),
  );
});

test('where nothing can be kept, nothing happens', () => {
  using folder = tempFolder();
  writeFileSync(folder.file('file'), 'in the way');
  mkdirSync(folder.file('taken/calibrations.json'), { recursive: true });
  for (const cache of [folder.file('file'), folder.file('file/below'), folder.file('taken')]) {
    assert.equal(saveCalibration(folder.path, found, cache), false);
    assert.equal(savedCalibration(folder.path, cache), undefined);
  }
  assert.deepEqual(readdirSync(folder.file('taken')), ['calibrations.json']);
  assert.equal(readFileSync(folder.file('file'), 'utf8'), 'in the way');
});

test('costs are kept, and what was found in the way of other work is known as such', () => {
  using folder = tempFolder();
  const whole = { ...found, costs: { each: 1e-5, core: 2e-5, coreByte: 0 }, disturbed: true };
  saveCalibration(folder.path, whole, folder.path);
  assert.deepEqual(savedCalibration(folder.path, folder.path), whole);
  saveCalibration(folder.path, { ...whole, disturbed: false }, folder.path);
  assert.equal(savedCalibration(folder.path, folder.path)?.disturbed, undefined);
});

test('a calibration in peace is better than any other, else the faster one', () => {
  const of = (bytesPerSecond: number, disturbed: boolean) => ({ ...found, bytesPerSecond, disturbed });
  const [slow, fast, quiet] = [of(1e9, true), of(2e9, true), of(1e9, false)];
  assert.equal(betterCalibration(undefined, slow), slow);
  assert.equal(betterCalibration(slow, fast), fast);
  assert.equal(betterCalibration(fast, slow), fast);
  assert.equal(betterCalibration(fast, quiet), quiet);
});
