import assert from 'node:assert/strict';
import { read as readFile } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { architectureFile } from '../../test/support/architectures/architecture-file.ts';
import { openLlama } from '../../test/support/open-llama.ts';
import { shared } from '../../test/support/shared.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { at } from '../base/at.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import type { ReadAt } from '../pager/reader.ts';
import { SequenceCache } from './sequence-cache.ts';

const device = shared(new CpuDevice(1));
const folder = sharedFolder();

/** Tokens of a text in a pass, the first of which stay, and a pass before it that fails. */
interface Round {
  readonly parts: readonly { readonly sequence: number; readonly count: number; readonly kept: number }[];
  readonly failure: 'cancelled' | 'unreadable';
  /** The step behind which that pass fails. */
  readonly step: number;
}

const anyPart = (sequence: number) =>
  fc.integer({ min: 1, max: 4 }).chain((count) =>
    fc.record({
      sequence: fc.constant(sequence),
      count: fc.constant(count),
      kept: fc.oneof(fc.constant(count), fc.nat(count)),
    }),
  );
const anyRound: fc.Arbitrary<Round> = fc.record({
  parts: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 1 }).chain((sequences) => fc.tuple(...sequences.map(anyPart))),
  failure: fc.constantFrom('cancelled', 'unreadable'),
  step: fc.integer({ min: 1, max: 12 }),
});
/** The same rounds each time: enough for the states of texts to lie in another order than these. */
const rounds = at(fc.sample(fc.array(anyRound, { minLength: 16, maxLength: 16 }), { numRuns: 1, seed: 5 }), 0);

/** The logits of all rounds, in a budget in which weights are read throughout a pass. */
async function logitsOf(path: string, { failing }: { readonly failing: boolean }): Promise<readonly Float32Array[]> {
  let unreadable = false;
  const readAt: ReadAt = (fd, into, position, done) => {
    if (unreadable) done(Object.assign(new Error('EIO'), { code: 'EIO' }), 0);
    else readFile(fd, into, 0, into.length, position, (error, bytes) => done(error, bytes));
  };
  await using model = openLlama(path, { device, readAt });
  const caches = model.states.map((state) => new SequenceCache(state));
  const results: Float32Array[] = [];
  for (const { parts, failure, step } of rounds) {
    const pass = parts.map(({ sequence, count, kept }) => {
      const cache = at(caches, sequence);
      const start = cache.tokens.length;
      const tokens = Array.from({ length: count }, (_, i) => ((start + i) * 31 + 7 * sequence) % 60);
      return { cache, kept, span: { state: cache.state, start, tokens, logits: 'all' as const } };
    });
    const spans = pass.map(({ span }) => span);
    if (failing) {
      const abort = new AbortController();
      let steps = 0;
      const onStep = (): void => {
        steps += 1;
        if (steps < step) return;
        if (failure === 'cancelled') abort.abort(new Error('enough'));
        else unreadable = true;
      };
      for (const { cache, span } of pass) cache.begin(span.tokens.length);
      // A pass that has gone through before is given up in the end.
      await model.forward.run(spans, { signal: abort.signal, onStep }).catch(() => {});
      unreadable = false;
      // Reads ahead have failed meanwhile, too.
      await model.pager.restart();
      for (const { cache, span } of pass) assert.equal(cache.truncate(span.start), span.start);
    }
    for (const { cache, span } of pass) cache.begin(span.tokens.length);
    results.push((await model.forward.run(spans)).slice());
    for (const { cache, span, kept } of pass) {
      cache.store(span.tokens);
      cache.truncate(span.start + kept);
      if (span.start === 0) cache.snapshot();
    }
  }
  return results;
}

/** Keys and values, windows of 8 tokens, latent ones, recurrent states alone and beside others. */
for (const name of ['llama', 'gemma3', 'deepseek2', 'mamba', 'rwkv7', 'jamba', 'lfm2']) {
  test(`texts go on with the same bits after passes that failed halfway: ${name}`, async () => {
    const path = architectureFile(folder.file(`${name}.gguf`), name);
    const expected = await logitsOf(path, { failing: false });
    const actual = await logitsOf(path, { failing: true });
    for (const [i, logits] of expected.entries())
      assert.ok(
        at(actual, i).every((x, k) => x === logits[k]),
        `round ${i}`,
      );
  });
}
