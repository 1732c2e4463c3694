import assert from 'node:assert/strict';
import test from 'node:test';
import { hintFor } from './foreign-flags.ts';

test("flags of llama.cpp and Ollama are answered with this program's own", () => {
  assert.match(hintFor(['run', 'm.gguf', '-ngl', '99']) ?? '', /^-ngl: .*memory budget/);
  assert.match(hintFor(['run', '--num-predict=4']) ?? '', /--max-tokens/);
  assert.equal(hintFor(['run', 'm', '-p', 'hi', '--unknown']), undefined);
  assert.equal(hintFor(['run', 'm', '--', '-ngl']), undefined);
});
