import { openOutline } from '../src/engine/outline.ts';
import { layoutsOf, planModel } from '../src/engine/planner.ts';
import { Runtime } from '../src/engine/runtime.ts';
import { Device } from '../src/ggml/device.ts';

const [path, budgetMiB, kern, n, ctx] = process.argv.slice(2);
const t0 = performance.now();
const outline = openOutline(path!);
console.log('open', performance.now() - t0);
const device = new Device(2, 50);
const layoutOf = layoutsOf(device, kern as 'plain');
const runtime = process.memoryUsage.rss();
const plan = planModel(outline, device, layoutOf, {
  budget: Number(budgetMiB) * 2 ** 20 + runtime,
  runtime,
  kernels: kern as 'plain',
  context: ctx ? Number(ctx) : undefined,
});
console.log(
  'plan',
  performance.now() - t0,
  plan.context,
  plan.batch,
  plan.slices.length,
  plan.streamed.length,
  plan.stepBytes / 2 ** 20,
  Object.fromEntries(Object.entries(plan.shares).map(([k, v]) => [k, v / 2 ** 20])),
  plan.bytesPerPass / 2 ** 20,
);
const rt = await Runtime.load(outline, plan, {
  device,
  layoutOf,
  reading: { inFlight: Number(process.env['INFLIGHT'] ?? 3) },
});
console.log('loaded', performance.now() - t0);
const prompt = [1, 4093, 198, 1780, 314, 260, 3575, 282, 4649, 47, 2, 198, 1, 520, 9531, 198];
let tokens = [...prompt];
let start = 0;
const out: number[] = [];
const t1 = performance.now();
let tFirst = 0;
const b0 = 0;
for (let i = 0; i < Number(n ?? 20); i++) {
  const logits = await rt.forward.run([{ kv: rt.kv, start, tokens, logits: 'last' }]);
  start += tokens.length;
  let best = 0;
  for (let j = 1; j < logits.length; j++) if (logits[j]! > logits[best]!) best = j;
  out.push(best);
  tokens = [best];
  if (i === 0) {
    tFirst = performance.now();
    console.log('first', tFirst - t1);
  }
}
const sec = (performance.now() - tFirst) / 1000;
console.log(out.join(' '));
console.log(
  'tok/s',
  (out.length - 1) / sec,
  's/tok',
  sec / (out.length - 1),
  'compute',
  rt.forward.computeSeconds,
  'stall',
  rt.source.stallSeconds,
  'GB/s',
  (plan.bytesPerPass * (out.length - 1)) / sec / 1e9,
  'direct',
  rt.reader.direct,
);
console.log('maxrss', process.resourceUsage().maxRSS / 1024, 'budget', plan.budget / 2 ** 20);
await rt[Symbol.asyncDispose]();
