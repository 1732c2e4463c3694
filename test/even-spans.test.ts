import assert from 'node:assert/strict';
import test from 'node:test';
import type { ModelOptions } from '../src/model/model-options.ts';
import { architectureFile } from './support/architectures/architecture-file.ts';
import { ask, assertAnswer, type CollectedAnswer } from './support/batch-model.ts';
import { thrown } from './support/engine-error.ts';
import { openTestModel } from './support/open-model.ts';
import { some } from './support/rounds.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const maxTokens = 12;
/** A lead that another order of sums may lose in models as small as these. */
const tie = 0.05;

/** Two prompts of one length, and others. */
const prompts: readonly (readonly number[])[] = [9, 30, 2, 17, 9, 70].map((length, seed) =>
  Array.from({ length }, (_, i) => 30 + ((i * 11 + seed * 7) % 97)),
);

interface PassFacts {
  readonly spans: readonly { readonly tokens: number }[];
}

/** Passes of a model and the bytes that it read for them, and its answers. */
interface Work {
  readonly answers: readonly CollectedAnswer[];
  readonly bytes: number;
  readonly passes: readonly (readonly number[])[];
}

/** Weights that are more than a pass needs in memory. */
const sizes = { layers: 6, width: 256, feedForward: 512, expertFeedForward: 512 };

/** Recurrent states beside keys and values and experts, and alone. */
for (const name of some(['mamba2', 'jamba'] as const, 1)) {
  const path = architectureFile(folder.file(`${name}.gguf`), name, { vocabulary: true, sizes });

  /** The work of answering all prompts, at once or one after the other. */
  const answer = async (together: boolean, options: ModelOptions = {}): Promise<Work> => {
    const passes: number[][] = [];
    const debug: ModelOptions['debug'] = (event, facts) => {
      if (event !== 'pass') return;
      passes.push((facts as PassFacts).spans.map(({ tokens }) => tokens));
    };
    const parallel = prompts.length;
    const own: ModelOptions = { graphs: 'libllama', context: 128, parallel, debug, ...options };
    const { needed } = thrown('BUDGET_TOO_SMALL', () => openTestModel(path, 1, own).plan()).details;
    await using model = openTestModel(path, 0, { ...own, memoryBudget: needed });
    assert.ok(model.plan().bytesPerPass > 0, 'weights are streamed');
    const answers: CollectedAnswer[] = [];
    if (together) answers.push(...(await Promise.all(prompts.map((prompt) => ask(model, prompt, { maxTokens })))));
    else for (const prompt of prompts) answers.push(await ask(model, prompt, { maxTokens }));
    return { answers, bytes: model.tally().sums.bytesRead, passes };
  };

  test(`texts together read no more than one after the other, and get the same answers: ${name}`, async () => {
    const alone = await answer(false);
    for (const draft of [undefined, { ngram: true, ahead: 4, adaptive: false }]) {
      const together = await answer(true, { draft });
      for (const [i, { tokens }] of together.answers.entries())
        assertAnswer(tokens, alone.answers[i] ?? assert.fail(), maxTokens, tie);
      for (const lengths of together.passes)
        assert.equal(new Set(lengths).size, 1, `spans of ${lengths} tokens in a pass`);
      assert.ok(together.passes.length <= 0.7 * alone.passes.length);
      assert.ok(together.bytes <= 0.8 * alone.bytes, `${together.bytes} bytes together, ${alone.bytes} alone`);
    }
  });
}

test('beside several that decode, a prompt is not divided where each part would read the experts again', async () => {
  const path = architectureFile(folder.file('mixture.gguf'), 'jamba', { vocabulary: true, sizes });
  const counts: number[][] = [];
  const debug: ModelOptions['debug'] = (event, facts) => {
    if (event === 'pass') counts.push((facts as PassFacts).spans.map(({ tokens }) => tokens));
  };
  const own: ModelOptions = { graphs: 'libllama', context: 128, parallel: 4, debug, kernels: 'auto' };
  const { needed } = thrown('BUDGET_TOO_SMALL', () => openTestModel(path, 1, own).plan()).details;
  await using model = openTestModel(path, 0, { ...own, memoryBudget: needed + 4 * 2 ** 20 });
  const { batch, shares } = model.plan();
  assert.ok(batch >= 80 && shares.experts > 0, `${batch} tokens, ${shares.experts} bytes of experts`);
  const prompt = Array.from({ length: 80 }, (_, i) => 30 + ((i * 13) % 97));
  const answers = [5, 5, 5].map((length) => ask(model, prompt.slice(0, length), { maxTokens }));
  await Promise.all([...answers, ask(model, prompt.toReversed(), { maxTokens: 2 })]);
  assert.ok(
    counts.some((lengths) => lengths.includes(80)),
    `${counts.join(' ')}`,
  );
});
