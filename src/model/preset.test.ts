import assert from 'node:assert/strict';
import test from 'node:test';
import { samplingRanges } from '../sample/sampling-options.ts';
import { contextOf, presetSampling } from './preset.ts';

test("a preset's parameters are those of requests, by their names; what has no meaning is left out", () => {
  const parameters = {
    temperature: 0,
    top_k: -1,
    repeat_last_n: -1,
    xtc_probability: 0.5,
    min_p: 7,
    seed: 3,
    mirostat: 2,
    stop: ['a'],
  };
  assert.deepEqual(presetSampling({ parameters }), {
    temperature: 0,
    topK: 0,
    repeatLastN: samplingRanges.repeatLastN.max,
    xtcProbability: 0.5,
    seed: 3,
    mirostat: 2,
  });
});

test("a preset's context counts where no other is asked for, as far as the model was trained for it", () => {
  const preset = { parameters: { num_ctx: 512 } };
  assert.equal(contextOf({ preset }, 4096), 512);
  assert.equal(contextOf({ preset }, 256), 256);
  assert.equal(contextOf({ preset, context: 1024 }, 256), 1024);
  assert.equal(contextOf({ preset: {} }, 256), undefined);
});
