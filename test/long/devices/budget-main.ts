// Answers with a Vulkan device as if it had its own memory, of which there is as little as can be, as of the process's.
import { checkDevice } from '../../../src/exec/device-check.ts';
import { openOutline } from '../../../src/runtime/model-outline.ts';
import { layoutLookup, planModel } from '../../../src/runtime/planner.ts';
import { limitGarbage, peakBytes, runtimeBytes } from '../../../src/runtime/process-memory.ts';
import { Runtime } from '../../../src/runtime/runtime.ts';
import { scratchState } from '../../../src/state/cache-pool.ts';
import { thrown } from '../../support/engine-error.ts';
import { vulkanDevice } from '../../support/vulkan.ts';

/** Bytes beyond the smallest budget: the process grows a little until the model is loaded. */
const slack = 2 ** 23;
const prompt = Array.from({ length: 32 }, (_, i) => 1000 + 37 * i);

limitGarbage();
const outline = openOutline(process.argv[2] ?? '', {});
outline.graphs.manifest(outline.config.context);
const device = vulkanDevice('apart');
checkDevice(device);
device.countDriver();
const layoutOf = layoutLookup(device, 'auto');
const planOf = (budget: number, gpuMemory: number) => {
  const runtime = runtimeBytes() + device.driverGrowth;
  return planModel(outline, device, layoutOf, { budget, gpuMemory, runtime, context: 512, kernels: 'auto' });
};
const least = (budget: number, gpuMemory: number): number =>
  thrown('BUDGET_TOO_SMALL', () => planOf(budget, gpuMemory)).details.needed;
const gpu = least(2 ** 40, 1);
const budget = least(1, gpu) + slack;
const plan = planOf(budget, gpu);
await using runtime = await Runtime.open(outline, plan, { device, layoutOf, reading: { inFlight: 3 } });
const state = scratchState(runtime.caches);
for (let start = 0; start < prompt.length; start += plan.batch) {
  await runtime.run([{ state, start, tokens: prompt.slice(start, start + plan.batch), logits: 'last' }]);
}
for (let i = 0; i < 12; i += 1) await runtime.run([{ state, start: prompt.length + i, tokens: [7], logits: 'last' }]);
console.log(JSON.stringify({ budget, gpu, streamed: plan.streamed.length, peak: peakBytes() }));
