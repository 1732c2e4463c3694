import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { memoryGroup } from '../../../bench/memory-group.ts';
import { at } from '../../../src/base/at.ts';
import { smollm2 } from '../../support/smollm2.ts';
import { withoutVulkan } from '../../support/vulkan.ts';

const program = fileURLToPath(new URL('budget-main.ts', import.meta.url));

test('both budgets of a device with memory of its own are kept, the driver in the process counted', {
  skip: withoutVulkan,
}, async (t) => {
  const path = await smollm2();
  const node = [process.execPath, '--import', 'tsx', program, path];
  const said = (command: readonly string[]) => {
    const lines = execFileSync(at(command, 0), command.slice(1), { encoding: 'utf8' }).trim().split('\n');
    return JSON.parse(lines.at(-1) ?? '') as { budget: number; gpu: number; streamed: number; peak: number };
  };
  const { budget, gpu, streamed, peak } = said(node);
  assert.ok(streamed > 0);
  // The memory of llvmpipe is the process's, too.
  assert.ok(peak <= budget + gpu, `${peak} of ${budget} and ${gpu}`);
  const group = memoryGroup(budget + gpu);
  if (typeof group === 'string') return t.diagnostic(`no cgroup (${group})`);
  said([...group.wrapper, ...node]);
  t.diagnostic(`the cgroup's peak was ${group.peak()} of ${budget} and ${gpu}, the process's ${peak}`);
  assert.equal(group.killed(), 0);
  group[Symbol.dispose]();
});
