import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Pace } from './pace.ts';

/** Passes as a machine has them: each over the weights, and so much for each token of a prompt. */
function after(passes: number, { decode, perToken }: { decode: number; perToken: number }): Pace {
  const pace = new Pace();
  for (let i = 0; i < passes; i += 1) {
    pace.passed({ decoding: 2, prompts: 0, seconds: decode });
    const prompts = pace.chunk;
    pace.passed({ decoding: 2, prompts, seconds: decode + prompts * perToken });
  }
  return pace;
}

test('before anything is known, a pass in which somebody decodes takes 32 tokens of prompts', () => {
  assert.equal(new Pace().chunk, 32);
  const pace = new Pace();
  pace.passed({ decoding: 0, prompts: 512, seconds: 9 });
  pace.passed({ decoding: 1, prompts: 32, seconds: 9 });
  assert.equal(pace.chunk, 32, 'nor is it as long as no pass only decoded');
  pace.passed({ decoding: 1, prompts: 0, seconds: 1 });
  assert.equal(pace.chunk, 32, 'or none was mixed');
});

test('a mixed pass comes to three times one that only decodes', () => {
  assert.equal(after(3, { decode: 0.1, perToken: 0.002 }).chunk, 100);
  assert.equal(after(3, { decode: 0.1, perToken: 0.02 }).chunk, 10);
});

test('newcomers get on by eight tokens at least, however slow the machine is', () => {
  assert.equal(after(5, { decode: 0.01, perToken: 1 }).chunk, 8);
});

test('tokens that hide behind reading let the chunk grow', () => {
  const chunks = [1, 2, 3, 4].map((passes) => after(passes, { decode: 1, perToken: 0 }).chunk);
  assert.ok(chunks.every((chunk, i) => i === 0 || chunk > (chunks[i - 1] ?? 0)));
});

test('one pass that something else held up changes the chunk by less than half, and is forgotten', () => {
  const machine = { decode: 0.1, perToken: 0.002 };
  const pace = after(5, machine);
  pace.passed({ decoding: 2, prompts: 100, seconds: 0.5 });
  assert.ok(pace.chunk > 50 && pace.chunk < 100);
  for (let i = 0; i < 20; i += 1) pace.passed({ decoding: 2, prompts: 50, seconds: 0.2 });
  assert.ok(Math.abs(pace.chunk - 100) <= 1);
});

test('whatever the passes took, the chunk is a whole number from eight on', () => {
  const anyPass = fc.record({
    decoding: fc.nat(8),
    prompts: fc.oneof(fc.constant(0), fc.nat(512)),
    seconds: fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1e3, noNaN: true })),
  });
  fc.assert(
    fc.property(fc.array(anyPass, { maxLength: 20 }), (passes) => {
      const pace = new Pace();
      for (const pass of passes) {
        pace.passed(pass);
        assert.ok(Number.isInteger(pace.chunk) && pace.chunk >= 8, `${pace.chunk}`);
      }
    }),
  );
});
