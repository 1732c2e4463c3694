import assert from 'node:assert/strict';
import test from 'node:test';
import { loadGgml } from './api.ts';
import { aside } from './aside.ts';
import { loadLibraries } from './library.ts';
import { lastLog, listening } from './log.ts';
import { hearLogAside } from './log-thread.ts';

/** Waits as a call of C does: nothing else happens on this thread. */
const wait = (milliseconds: number): unknown =>
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);

test('a thread that logs an error goes on while the one of JavaScript waits, which hears it', async () => {
  loadGgml();
  hearLogAside();
  const load = loadLibraries().ggml.func('void *ggml_backend_load(const char *)');
  // It has an error to tell, on a thread of its own.
  const loaded = aside(load, '/nowhere/first.so');
  while (!/first\.so/.test(lastLog())) wait(10);
  assert.equal(await loaded, null);
  const lines: string[] = [];
  listening(
    (line) => lines.push(line),
    () => load('/nowhere/second.so'),
  );
  assert.match(lines.join(''), /second\.so/);
  assert.match(lastLog(), /second\.so/);
});
