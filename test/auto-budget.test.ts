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
  const fill = `const file = fs.openSync(process.argv[1], 'w');
    for (let at = 0; at < ${limit}; at += 2 ** 20) fs.writeSync(file, Buffer.alloc(2 ** 20));
    fs.fsyncSync(file);`;
  const budgetUnder = async (wrapper: readonly string[]): Promise<number> =>
    (await runJson<{ plan: { budget: number } }>(['info', path], { wrapper })).plan.budget;
  const empty = await budgetUnder(group.wrapper);
  assert.ok(empty <= limit && empty > limit / 2, `${empty}`);
  const filled = ['sh', '-c', '"$0" -e "$1" "$2" && shift 2 && exec "$@"', process.execPath, fill, filler];
  const full = await budgetUnder([...group.wrapper, ...filled]);
  assert.ok(full > 0.8 * empty, `${full} of ${empty}`);
  const { code, stderr } = await run(['info', path, '-m', `${2 * limit}`], { wrapper: group.wrapper });
  assert.equal(code, 1, stderr);
});
