import assert from 'node:assert/strict';
import test from 'node:test';
import type { RandomModelSpec, RandomRope } from '../bench/random-model.ts';
import type { RopeOptions } from '../src/arch/rope.ts';
import { nmse } from '../src/base/nmse.ts';
import { agrees, sequence, small } from './support/agrees.ts';
import { writeRandom } from './support/model-files.ts';
import { oracleLogits } from './support/oracle.ts';
import { tempFolder } from './support/temp-folder.ts';

/** Three times the original context. */
const tokens = 100;
const originalContext = 32;
const context = 128;

const llama = (rope: RandomRope, trained: number = context): RandomModelSpec => ({
  ...small,
  architecture: 'llama',
  context: trained,
  rope,
});

const yarn: RandomRope = { scaling: 'yarn', factor: 4, originalContext };

/** Stretched by their metadata. */
const written: Readonly<Record<string, RandomModelSpec>> = {
  'linear scaling': llama({ scaling: 'linear', factor: 4, originalContext }),
  YaRN: llama(yarn),
  'YaRN with an attention factor': llama({ ...yarn, attnFactor: 0.8 }),
  'YaRN over another base': { ...llama({ ...yarn, base: 1e6 }), architecture: 'qwen2' },
  'YaRN that shrinks the context': llama({ ...yarn, factor: 0.5 }),
  'scaling of kind none, in spite of its factor': llama({ scaling: 'none', factor: 4, attnFactor: 1.1 }),
  'linear scaling beside windows': {
    ...small,
    architecture: 'gemma3',
    layers: 7,
    window: { tokens: 12, base: 1e4 },
    rope: { base: 1e6, scaling: 'linear', factor: 8 },
  },
  'fixed factors, as Llama 3.1': llama({ base: 5e5, factors: 'fixed' }),
};

for (const [name, spec] of Object.entries(written)) {
  test(`${name} gives the logits that libllama computes`, () => agrees(spec, { tokens, context }));
}

for (const architecture of ['phi3', 'llama'] as const) {
  const rope = { scaling: 'longrope', originalContext: 256, attnFactor: 1.19, factors: 'long-short' } as const;
  for (const [name, context, tokens] of [
    ['short', 256, 200],
    ['long', 512, 300],
  ] as const) {
    test(`${architecture} takes its ${name} factors in a context of ${context}, as libllama does`, () =>
      agrees({ ...small, architecture, rope }, { context, tokens }));
  }
}

/** Stretched by those who run them. */
const wanted: readonly (readonly [string, RandomModelSpec, RopeOptions])[] = [
  ['a scale', llama({}, originalContext), { scale: 4 }],
  ['a linear scale', llama({}, originalContext), { scale: 4, scaling: 'linear' }],
  ['a YaRN scale', llama({}, originalContext), { scale: 4, scaling: 'yarn' }],
  ['a base', llama({}, originalContext), { base: 2e5 }],
  ['a base with a YaRN scale', llama({}, originalContext), { scale: 4, scaling: 'yarn', base: 2e5 }],
  ['a scale of its YaRN', llama({ ...yarn, factor: 2, attnFactor: 1.1 }, 64), { scale: 4.5 }],
  ['linear scaling in place of YaRN', llama(yarn), { scaling: 'linear' }],
  ['YaRN in place of linear scaling', llama({ ...yarn, scaling: 'linear' }), { scaling: 'yarn' }],
  ['no scaling in place of YaRN', llama(yarn), { scaling: 'none', scale: 2 }],
  ['a scale over fixed factors', llama({ factors: 'fixed' }, originalContext), { scale: 4 }],
  [
    'a scale over factors of long contexts',
    { ...llama({ scaling: 'longrope', originalContext, factors: 'long-short' }), architecture: 'phi3' },
    { scale: 2 },
  ],
  [
    'a YaRN scale and a base beside windows',
    { ...small, architecture: 'gemma3', layers: 7, context: originalContext, window: { tokens: 12, base: 1e4 } },
    { scale: 4, scaling: 'yarn', base: 1e6 },
  ],
];

for (const [name, spec, rope] of wanted) {
  test(`${name} that is asked for gives the logits that libllama computes, and others than without`, async () => {
    await agrees(spec, { tokens, context, rope });
    using folder = tempFolder();
    const path = writeRandom(folder.file('model.gguf'), spec);
    const last = (rope?: RopeOptions): Float32Array => {
      const ids = sequence(tokens, spec.vocabulary);
      return oracleLogits(path, ids, { context, rope, which: 'last' })[0] ?? new Float32Array();
    };
    assert.ok(nmse(last(rope), last()) > 1e-3);
  });
}
