import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { writeBatchModel } from './support/batch-model.ts';
import { run } from './support/cli.ts';
import { sharedPath } from './support/temp-folder.ts';

const path = writeBatchModel(sharedPath('model.gguf'));

/** KiB of addresses that Node takes to begin. */
function nodeTakes(): number {
  const script = "console.log(/VmPeak:\\s*(\\d+)/.exec(require('fs').readFileSync('/proc/self/status', 'utf8'))[1])";
  return Number(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
}

test('a limit of addresses ends in an answer or in OUT_OF_MEMORY, never in an abort', {
  skip: process.platform !== 'linux',
}, async () => {
  const least = nodeTakes();
  const codes = new Set<number | null>();
  for (const extra of [64, 170, 230, 300, 400, 2000]) {
    const wrapper = ['sh', '-c', `ulimit -v ${least + extra * 1024} && exec "$@"`, 'sh'];
    const args = ['run', path, '--raw', '-p', 'x', '-n', '2', '-m', '160M', '--ctx', '64'];
    const { code, stderr } = await run(args, { wrapper });
    assert.ok(code === 0 || (code === 1 && stderr.includes('[OUT_OF_MEMORY]')), `${extra} MiB: ${code} ${stderr}`);
    codes.add(code);
  }
  assert.deepEqual([...codes].sort(), [0, 1], 'a low limit refuses, a high one does not');
});
