import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { writePattern } from '../../test/support/pattern.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { pageBytes } from '../ggml/system.ts';
import { calibrate } from './calibrate.ts';

const MiB = 2 ** 20;
const folder = sharedFolder();

function file(name: string, size: number): { path: string; size: number } {
  const path = folder.file(name);
  writePattern(path, size);
  return { path, size };
}

test('files of any size are calibrated with, at their ends and over again', async () => {
  const small = file('small', 1234);
  const pages = file('pages', 5 * pageBytes);
  const larger = file('larger', 3 * MiB + 77);
  for (const files of [[small], [pages, small], [larger, pages]]) {
    const { bytesPerSecond, chunkBytes, inFlight, complete } = await calibrate(files, {
      inFlight: 3,
      memory: 64 * MiB,
    });
    assert.ok(bytesPerSecond > 0 && Number.isFinite(bytesPerSecond));
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    assert.ok(chunkBytes === MiB && inFlight === 1 ? true : chunkBytes * inFlight <= bytes);
    assert.equal(complete, false, 'settings that need larger files were left out');
  }
});

test('no more memory is read into, and no more reads are in flight, than allowed', async () => {
  const files = [file('large', 40 * MiB)];
  const shares: number[] = [];
  const onProgress = (share: number): unknown => shares.push(share);
  const tight = await calibrate(files, { inFlight: 7, memory: 3 * MiB, onProgress });
  assert.ok(tight.chunkBytes * tight.inFlight <= 3 * MiB);
  assert.equal(tight.complete, false);
  assert.ok(shares.length > 0 && shares.every((share, i) => share <= 1 && share >= (shares[i - 1] ?? 0)));
  const none = await calibrate(files, { inFlight: 7, memory: -1 });
  assert.deepEqual([none.chunkBytes, none.inFlight], [MiB, 1]);
  const alone = await calibrate(files, { inFlight: 1, memory: 64 * MiB });
  assert.deepEqual([alone.inFlight, alone.complete], [1, true]);
});

test('calibrating can be aborted, and says what cannot be read', async () => {
  const files = [file('aborted', MiB)];
  const aborted = calibrate(files, { inFlight: 2, memory: MiB, signal: AbortSignal.abort() });
  await assert.rejects(aborted, { name: 'AbortError' });
  await assert.rejects(
    calibrate([{ path: folder.file('missing'), size: MiB }], { inFlight: 2, memory: MiB }),
    engineError('MODEL_NOT_FOUND'),
  );
});
