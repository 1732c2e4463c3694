import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { PromptChunk } from './prompt-chunk.ts';

/** Passes as a machine has them: each over the weights, and so much for each token of a prompt. */
function after(passes: number, { decode, perToken }: { decode: number; perToken: number }): PromptChunk {
  const promptChunk = new PromptChunk();
  for (let i = 0; i < passes; i += 1) {
    promptChunk.record({ decoding: 2, prompts: 0, seconds: decode });
    const prompts = promptChunk.tokens;
    promptChunk.record({ decoding: 2, prompts, seconds: decode + prompts * perToken });
  }
  return promptChunk;
}

test('before anything is known, a pass in which somebody decodes takes 32 tokens of prompts', () => {
  assert.equal(new PromptChunk().tokens, 32);
  const promptChunk = new PromptChunk();
  promptChunk.record({ decoding: 0, prompts: 512, seconds: 9 });
  promptChunk.record({ decoding: 1, prompts: 32, seconds: 9 });
  assert.equal(promptChunk.tokens, 32, 'nor is it as long as no pass only decoded');
  promptChunk.record({ decoding: 1, prompts: 0, seconds: 1 });
  assert.equal(promptChunk.tokens, 32, 'or none was mixed');
});

test('a mixed pass comes to three times one that only decodes', () => {
  assert.equal(after(3, { decode: 0.1, perToken: 0.002 }).tokens, 100);
  assert.equal(after(3, { decode: 0.1, perToken: 0.02 }).tokens, 10);
});

test('a pass of prompts alone comes to two that decode, and fewer tokens tell nothing of more', () => {
  const promptChunk = new PromptChunk();
  const [reading, perToken] = [0.1, 0.002];
  for (let i = 0; i < 40; i += 1) {
    promptChunk.record({ decoding: 2, prompts: 0, seconds: reading });
    promptChunk.recordAlone(promptChunk.tokens, reading + perToken * promptChunk.tokens);
    promptChunk.recordAlone(1, reading + perToken);
  }
  assert.ok(Math.abs(promptChunk.tokens - 50) <= 1, `${promptChunk.tokens}`);
  promptChunk.recordAlone(10, 1);
  assert.ok(promptChunk.tokens < 40, 'a pass of fewer that takes too long does');
});

test('newcomers get on by eight tokens at least, however slow the machine is', () => {
  assert.equal(after(5, { decode: 0.01, perToken: 1 }).tokens, 8);
});

test('tokens that hide behind reading let the chunk grow', () => {
  const chunks = [1, 2, 3, 4].map((passes) => after(passes, { decode: 1, perToken: 0 }).tokens);
  assert.ok(chunks.every((chunk, i) => i === 0 || chunk > (chunks[i - 1] ?? 0)));
});

test('one pass that something else held up changes the chunk by less than half, and is forgotten', () => {
  const machine = { decode: 0.1, perToken: 0.002 };
  const promptChunk = after(5, machine);
  promptChunk.record({ decoding: 2, prompts: 100, seconds: 0.5 });
  assert.ok(promptChunk.tokens > 50 && promptChunk.tokens < 100);
  for (let i = 0; i < 20; i += 1) promptChunk.record({ decoding: 2, prompts: 50, seconds: 0.2 });
  assert.ok(Math.abs(promptChunk.tokens - 100) <= 1);
});

test('whatever the passes took, the chunk is a whole number from eight on', () => {
  const anyPass = fc.record({
    decoding: fc.nat(8),
    prompts: fc.oneof(fc.constant(0), fc.nat(512)),
    seconds: fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1e3, noNaN: true })),
  });
  fc.assert(
    fc.property(fc.array(anyPass, { maxLength: 20 }), (passes) => {
      const promptChunk = new PromptChunk();
      for (const pass of passes) {
        promptChunk.record(pass);
        assert.ok(Number.isInteger(promptChunk.tokens) && promptChunk.tokens >= 8, `${promptChunk.tokens}`);
      }
    }),
  );
});
