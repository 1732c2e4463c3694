import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { similarNames } from './similar-names.ts';

const names = ['hf.co/org/smollm2-135m-instruct-gguf:q4_1', 'llama3.2:1b', 'llama3.2:3b', 'qwen3:8b', 'notes:latest'];

test('a name that was misspelt, or is a part of one, is answered with those like it, the nearest first', () => {
  for (const [wanted, ...expected] of [
    ['smollm2', 'hf.co/org/smollm2-135m-instruct-gguf:q4_1'],
    ['smollm-135m-instruct:q4_1', 'hf.co/org/smollm2-135m-instruct-gguf:q4_1'],
    ['SmolLM2-135M-Instrct-Q4_1.gguf', 'hf.co/org/smollm2-135m-instruct-gguf:q4_1'],
    ['smolm2', 'hf.co/org/smollm2-135m-instruct-gguf:q4_1'],
    ['smolm2:135m', 'hf.co/org/smollm2-135m-instruct-gguf:q4_1'],
    ['lama3.2', 'llama3.2:1b', 'llama3.2:3b'],
    ['llama3.2:2b', 'llama3.2:1b', 'llama3.2:3b'],
    ['qwen3:14b', 'qwen3:8b'],
    ['quen3', 'qwen3:8b'],
    ['note', 'notes:latest'],
    ['mistral'],
    ['x'],
    [''],
  ]) {
    assert.deepEqual(similarNames(wanted ?? '', names), expected, wanted);
  }
});

test('whatever name has one wrong letter, the right one is told', () => {
  const word = fc.stringMatching(/^[a-z]{4,12}$/);
  fc.assert(
    fc.property(word, fc.array(word), fc.nat(), (name, others, place) => {
      const at = place % name.length;
      const wrong = `${name.slice(0, at)}_${name.slice(at + 1)}`;
      const found = similarNames(wrong, [...others.filter((other) => other !== name), `${name}:latest`]);
      assert.ok(found.length === 4 || found.includes(`${name}:latest`), found.join());
      assert.ok(found.length <= 4);
    }),
  );
});
