import assert from 'node:assert/strict';
import { closeSync, copyFileSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { beforeEach } from 'node:test';
import fc from 'fast-check';
import { type MetadataValue, str, type TensorSource, u32, writeGguf } from '../../bench/gguf-writer.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { bytesRead } from '../../test/support/processes.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import type { ErrorCode } from '../base/error-details.ts';
import { type ModelFile, openModelFile, shardsOf } from './model-file.ts';
import { type GgmlType, ggmlTypes, rowBytes, typeNamed } from './types.ts';
import { elementCount, type Weight } from './weight.ts';

const root = sharedFolder();
let folder = root.path;
let count = 0;
beforeEach(() => {
  count += 1;
  folder = root.file(String(count));
  mkdirSync(folder);
});

const f32 = typeNamed('f32') as GgmlType;

const tensor = (name: string, shape: readonly number[], type = f32): TensorSource => {
  const data = new Uint8Array(rowBytes(type, elementCount(shape))).fill(name.charCodeAt(0));
  return { name, type, shape, data };
};

/** Writes tensors a to e; the file, or the shards. */
const write = (split?: number, metadata: Readonly<Record<string, MetadataValue>> = {}): readonly string[] => {
  const tensors = ['a', 'b', 'c', 'd', 'e'].map((name) => tensor(name, [8, 3]));
  const source = { metadata: { 'general.architecture': str('llama'), ...metadata }, tensors };
  return writeGguf(join(folder, 'model.gguf'), split === undefined ? source : { ...source, split });
};

function bytesOf(model: ModelFile, { extent }: Weight): Buffer {
  const bytes = Buffer.alloc(extent.length);
  const fd = openSync(model.files[extent.file]?.path ?? '', 'r');
  readSync(fd, bytes, 0, extent.length, extent.offset);
  closeSync(fd);
  return bytes;
}

const fails = (path: string, code: ErrorCode, message: RegExp): void => {
  assert.throws(() => openModelFile(path), engineError(code, message));
};

const anyTensor = fc
  .tuple(fc.constantFrom(...ggmlTypes), fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }))
  .map(([type, [blocks = 1, ...rest]]) => tensor('', [blocks * type.block, ...rest], type));

test('tensors of every type, shape, alignment and split are found where they were written', () => {
  const source = fc.record({
    tensors: fc
      .array(anyTensor, { maxLength: 12 })
      .map((list) => list.map((t, i) => ({ ...tensor(String.fromCharCode(65 + i), t.shape, t.type) }))),
    alignment: fc.constantFrom(1, 8, 32, 64, 4096),
    version: fc.constantFrom(2, 3),
    split: fc.constantFrom(undefined, 1, 2, 5),
  });
  fc.assert(
    fc.property(source, fc.nat(), ({ split, ...rest }, pick) => {
      const whole = { metadata: { 'general.name': str('x') }, ...rest };
      const paths = writeGguf(join(folder, 'any.gguf'), split === undefined ? whole : { ...whole, split });
      const model = openModelFile(paths[pick % paths.length] ?? '');
      assert.deepEqual(
        model.files,
        paths.map((path) => ({ path, size: statSync(path).size })),
      );
      assert.equal(model.metadata.string('general.name'), 'x');
      assert.equal(model.weights.size, rest.tensors.length);
      let elements = 0;
      let bytes = 0;
      for (const { name, type, shape, data } of rest.tensors) {
        const weight = model.weights.get(name) ?? assert.fail(name);
        assert.deepEqual([weight.type, weight.shape], [type, shape]);
        assert.deepEqual(new Uint8Array(bytesOf(model, weight)), data);
        elements += elementCount(shape);
        bytes += data.length;
      }
      assert.deepEqual([model.parameters, model.bytes], [elements, bytes]);
    }),
    { seed: 1, numRuns: 150 },
  );
});

test('lazy data and holes are written like data in memory', () => {
  const wanted = tensor('a', [64]);
  const lazy = { ...wanted, data: () => [new Uint8Array(100).fill(97), new Uint8Array(156).fill(97)] };
  const paths = writeGguf(join(folder, 'lazy.gguf'), {
    metadata: {},
    tensors: [{ ...tensor('h', [1000]), data: 'hole' }, lazy],
  });
  const model = openModelFile(paths[0] ?? '');
  assert.deepEqual(new Uint8Array(bytesOf(model, model.weights.get('a') as Weight)), wanted.data);
  assert.deepEqual(bytesOf(model, model.weights.get('h') as Weight), Buffer.alloc(4000));
});

test('any shard opens the whole model, with the metadata of the first', () => {
  const paths = write(3);
  assert.deepEqual(
    paths.map((path) => path.slice(folder.length + 1)),
    ['model-00001-of-00003.gguf', 'model-00002-of-00003.gguf', 'model-00003-of-00003.gguf'],
  );
  for (const path of paths) {
    const model = openModelFile(path);
    assert.equal(model.metadata.string('general.architecture'), 'llama');
    assert.deepEqual([...model.weights.keys()], ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(
      [...model.weights.values()].map((w) => w.extent.file),
      [0, 0, 1, 2, 2],
    );
  }
});

test('the name of any shard tells the files of the model', () => {
  const shards = write(3);
  for (const path of shards) assert.deepEqual(shardsOf(path), { stem: 'model', files: shards });
  for (const [name, stem] of [
    ['model.gguf', 'model'],
    ['a.b.GGUF', 'a.b'],
    ['model-1-of-2.gguf', 'model-1-of-2'],
    ['model-00003-of-00002.gguf', 'model-00003-of-00002'],
  ] as const) {
    assert.deepEqual(shardsOf(join(folder, name)), { stem, files: [join(folder, name)] });
  }
});

test('a missing shard is named; a missing model is not called a shard', () => {
  const [first = '', second = '', third = ''] = write(3);
  rmSync(second);
  fails(first, 'MISSING_SHARD', /model-00002-of-00003\.gguf \(part 2 of 3\) is missing/);
  fails(third, 'MISSING_SHARD', /model-00002-of-00003/);
  fails(second, 'MODEL_NOT_FOUND', /model-00002-of-00003/);
});

test('a shard that belongs elsewhere is refused', () => {
  const [first = '', second = '', third = ''] = write(3);
  copyFileSync(third, second);
  fails(first, 'SHARD_MISMATCH', /00002-of-00003\.gguf .* it says it is part 3 of 3, not 2 of 3/);
  const [pair = ''] = write(2);
  copyFileSync(pair, first);
  fails(third, 'SHARD_MISMATCH', /it says it is part 1 of 2, not 1 of 3/);
});

test('a name that cannot be is refused', () => {
  const [first = ''] = write(2);
  for (const name of ['model-00003-of-00002.gguf', 'model-00000-of-00002.gguf']) {
    copyFileSync(first, join(folder, name));
    fails(join(folder, name), 'SHARD_MISMATCH', /its name says part [03] of 2/);
  }
});

test('a shard under another name is refused', () => {
  const [first = ''] = write(2);
  const renamed = join(folder, 'renamed.gguf');
  renameSync(first, renamed);
  fails(renamed, 'SHARD_MISMATCH', /it is one of 2 parts, but its name does not end like -00001-of-00002\.gguf/);
});

test('shards without split metadata are joined by name, but no tensor may come twice', () => {
  const part = (name: string, shard: number): string => {
    const [path = ''] = writeGguf(join(folder, `plain-0000${shard}-of-00002.gguf`), {
      metadata: {},
      tensors: [tensor(name, [4])],
    });
    return path;
  };
  const path = part('a', 1);
  part('b', 2);
  assert.deepEqual([...openModelFile(path).weights.keys()], ['a', 'b']);
  part('a', 2);
  fails(path, 'SHARD_MISMATCH', /plain-00002-of-00002\.gguf .* tensor a is in another part too/);
});

test('the number of tensors is checked where the metadata give it', () => {
  const [path = ''] = write(undefined, { 'split.tensors.count': u32(6) });
  fails(path, 'SHARD_MISMATCH', /its parts hold 5 tensors instead of 6/);
});

test('opening does not read the data', { skip: process.platform !== 'linux' }, () => {
  const huge = tensor('h', [1]);
  const [path = ''] = writeGguf(join(folder, 'huge.gguf'), {
    metadata: {},
    tensors: [{ ...huge, shape: [2 ** 18, 2 ** 10], data: 'hole' }],
  });
  const before = bytesRead();
  assert.equal(openModelFile(path).bytes, 2 ** 30);
  assert.ok(bytesRead() - before < 2 ** 26);
});
