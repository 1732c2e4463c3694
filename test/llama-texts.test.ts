import assert from 'node:assert/strict';
import test from 'node:test';
import type { ModelOptions } from '../src/model/model-options.ts';
import { readSession } from '../src/model/session-files.ts';
import { architectureFile } from './support/architectures/architecture-file.ts';
import { ask, assertAnswer, type CollectedAnswer } from './support/batch-model.ts';
import { engineError } from './support/engine-error.ts';
import { openTestModel } from './support/open-model.ts';
import { sharedFolder, tempFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
/** Keys and values, windows, recurrent states alone and beside others, experts, and keys that are kept as one. */
const names = ['arcee', 'gemma3', 'rwkv7', 'jamba', 'qwen35moe', 'deepseek4'] as const;
const maxTokens = 24;
/** A lead that another order of sums may lose in models as small as these. */
const tie = 0.05;

/** Tokens with beginnings in common, and with parts that come again. */
const prompts: readonly (readonly number[])[] = [5, 40, 1, 17].map((length, seed) =>
  Array.from({ length }, (_, i) => 30 + (((i % 9) * 11 + (i > 20 ? seed : 0)) % 97)),
);

for (const name of names) {
  const path = architectureFile(folder.file(`${name}.gguf`), name, { vocabulary: true });
  const open = (options: ModelOptions = {}) =>
    openTestModel(path, 2 ** 27, { graphs: 'libllama', context: 128, ...options });
  const alone = async (): Promise<readonly CollectedAnswer[]> => {
    const answers: CollectedAnswer[] = [];
    for (const prompt of prompts) {
      await using model = open();
      answers.push(await ask(model, prompt, { maxTokens }));
    }
    return answers;
  };

  test(`texts of libllama's graphs are the same together, drafted, and after others: ${name}`, async () => {
    const expected = await alone();
    const right = (answers: readonly CollectedAnswer[]): void => {
      for (const [i, answer] of answers.entries())
        assertAnswer(answer.tokens, expected[i] ?? assert.fail(), maxTokens, tie);
    };
    {
      await using model = open({ parallel: 3 });
      right(await Promise.all(prompts.map((prompt) => ask(model, prompt, { maxTokens }))));
      // Each goes on from what an earlier one has left, or takes its place.
      for (const [i, prompt] of prompts.entries()) {
        assertAnswer((await ask(model, prompt, { maxTokens })).tokens, expected[i] ?? assert.fail(), maxTokens, tie);
      }
    }
    await using model = open({ parallel: 2, draft: { ngram: true, ahead: 4, adaptive: false } });
    right(await Promise.all(prompts.map((prompt) => ask(model, prompt, { maxTokens }))));
  });

  if (name === 'deepseek4') {
    test('where libllama cannot save states no prompts are kept, which is said, and a session is computed again', async () => {
      using cache = tempFolder();
      const [, prompt = assert.fail()] = prompts;
      const [session, warned] = [cache.file('talk.kv'), [] as Error[]];
      const promptCache = { bytes: 2 ** 22, folder: cache.path, warn: (reason: Error) => warned.push(reason) };
      await using model = open({ promptCache });
      const expected = await ask(model, prompt, { maxTokens });
      await model.saveSession(session, {});
      const saved = (await readSession(session)) ?? assert.fail();
      assert.deepEqual([...saved.tokens].slice(0, prompt.length), prompt);
      assert.equal(await model.restoreSession(saved), false);
      const { cached, tokens } = await ask(model, prompt, { maxTokens });
      assert.deepEqual([cached, tokens], [0, expected.tokens]);
      assert.equal(warned.length, 1);
      engineError('NOT_WITH_LIBLLAMA', { architecture: name })(warned[0]);
    });
    continue;
  }
  test(`prompts of libllama's graphs are kept in memory and in files: ${name}`, async () => {
    using cache = tempFolder();
    const promptCache = { bytes: 2 ** 22, folder: cache.path, warn: assert.fail };
    const [, prompt = assert.fail()] = prompts;
    const text = [...prompt, ...prompt];
    const expected = await (async () => {
      await using model = open({ promptCache, kernels: 'auto' });
      const first = await ask(model, text, { maxTokens });
      const next = [...text, 40, 50];
      const anew = await ask(model, [3, 1, 4, 1, 5, 9, 2, 6, ...next], { maxTokens: 1 });
      assert.equal(anew.cached, 0);
      const { cached } = await ask(model, next, { maxTokens });
      // Windows have moved on behind the prompt.
      assert.equal(cached, name === 'gemma3' ? 0 : text.length);
      return first;
    })();
    await using model = open({ promptCache, kernels: 'auto' });
    const kept = await ask(model, [...text, ...expected.tokens, 7], { maxTokens: 4 });
    assert.ok(kept.cached > text.length, `${kept.cached} tokens were kept`);
  });
}
