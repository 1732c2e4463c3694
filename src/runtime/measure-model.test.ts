import assert from 'node:assert/strict';
import test from 'node:test';
import { architectureFile } from '../../test/support/architectures/architecture-file.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import { knownModel, type MeasuredParts, measureModel, rememberRun } from './measure-model.ts';
import { openOutline } from './model-outline.ts';
import { layoutLookup, planModel } from './planner.ts';

test('a run that fits no speeds has kernels measured again, and is believed as far as is likely', async () => {
  using folder = tempFolder();
  const outline = openOutline(architectureFile(folder.file('model.gguf'), 'llama'));
  using device = new CpuDevice(1);
  using _graphs = outline.graphs;
  const layoutOf = layoutLookup(device, 'plain');
  const plan = planModel(outline, device, layoutOf, { budget: 2 ** 30, runtime: 0, kernels: 'plain' });
  const parts: MeasuredParts = { outline, device, layoutOf, kernels: 'plain', read: 1e9, folder: folder.path };
  const { speeds } = await measureModel(parts, plan);
  const run = (token: number) => ({ tokens: 10, seconds: 10 * token, waited: 0, hits: [], disturbed: false });
  const hour = 3600;
  await rememberRun(parts, plan, run(hour));
  const known = knownModel(parts) ?? assert.fail();
  assert.deepEqual(known.factors, { computing: 8 });
  assert.notDeepEqual(known.speeds, speeds, 'kernels are measured again');
  await rememberRun(parts, plan, run(1e-9));
  assert.deepEqual(knownModel(parts)?.factors, { computing: 1 / 8 });
});
