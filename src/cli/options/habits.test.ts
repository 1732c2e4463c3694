import assert from 'node:assert/strict';
import test from 'node:test';
import { hintFor } from './habits.ts';

test("flags of llama.cpp and Ollama are answered with this program's own", () => {
  assert.match(hintFor(['run', 'm.gguf', '-ngl', '99']) ?? '', /^-ngl: .*memory budget/);
  assert.match(hintFor(['run', '--num-predict=4']) ?? '', /--max-tokens/);
  assert.equal(hintFor(['run', 'm', '-p', 'hi', '--unknown']), undefined);
  assert.equal(hintFor(['run', 'm', '--', '-ngl']), undefined);
  assert.match(hintFor(['run', 'm', '--n_gpu_layers', '9']) ?? '', /^--n_gpu_layers: .*memory budget/);
  assert.match(hintFor(['run', 'm', '--ngl', '9']) ?? '', /^--ngl: .*memory budget/);
  assert.equal(hintFor(['serve', '-p', '80'], ['serve']), '-p: the port is --port');
});

test('so are their commands, and a model or an option in place of a command', () => {
  const own = ['run', 'list', 'rm'];
  assert.match(hintFor(['stop', 'qwen3'], own) ?? '', /^stop: .*keep_alive/);
  assert.match(hintFor(['delete', 'qwen3'], own) ?? '', /ssd-llm rm/);
  assert.equal(hintFor(['qwen3:8b', 'hi'], own), 'a model stands behind a command: ssd-llm run qwen3:8b hi');
  assert.match(hintFor(['model.gguf'], own) ?? '', /ssd-llm run model\.gguf/);
  assert.match(hintFor(['--port', '80'], own) ?? '', /a command comes first/);
  assert.match(hintFor(['-m', 'x.gguf'], own) ?? '', /a command comes first/);
  assert.equal(hintFor(['rm', 'delete'], own), undefined);
  assert.equal(hintFor(['__proto__'], own), undefined);
});
