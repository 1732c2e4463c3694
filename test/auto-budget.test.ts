import assert from 'node:assert/strict';
import test from 'node:test';
import { memoryGroup } from '../bench/memory-group.ts';
import { writeBatchModel } from './support/batch-model.ts';
import { run, runJson } from './support/cli.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const path = writeBatchModel(folder.file('model.gguf'));
const limit = 2 ** 29;

test('in a memory cgroup the budget keeps to its limit, also where the page cache has filled it', async (t) => {
  const group = memoryGroup(limit);
  if (typeof group === 'string') return t.skip(`no cgroup (${group})`);
  using _ = group;
  const filler = folder.file('filler');
  const filled = `head -c ${limit} /dev/zero > ${filler} && sync ${filler} && exec "$@"`;
  const budgetUnder = async (wrapper: readonly string[]): Promise<number> =>
    (await runJson<{ plan: { budget: number } }>(['info', path], { wrapper })).plan.budget;
  const empty = await budgetUnder(group.wrapper);
  assert.ok(empty <= limit && empty > limit / 2, `${empty}`);
  const full = await budgetUnder([...group.wrapper, 'sh', '-c', filled, 'sh']);
  assert.ok(full > 0.8 * empty, `${full} of ${empty}`);
  const { code, stderr } = await run(['info', path, '-m', `${2 * limit}`], { wrapper: group.wrapper });
  assert.equal(code, 1, stderr);
});
