import assert from 'node:assert/strict';
import test from 'node:test';
import { Libllama } from '../bench/libllama.ts';
import type { RandomModelSpec } from '../bench/random-model.ts';
import { at } from '../src/base/at.ts';
import type { Device } from '../src/ggml/device.ts';
import { small } from './support/agrees.ts';
import { argmax, nmse, topGap } from './support/logits.ts';
import { writeRandom } from './support/model-files.ts';
import { openRuntime, type TestRuntimeOptions } from './support/open-model.ts';
import { tempFolder } from './support/temp-folder.ts';
import { vulkanDevice, withoutVulkan } from './support/vulkan.ts';

const specs: readonly RandomModelSpec[] = [
  { ...small, architecture: 'llama', type: 'q4_0' },
  { ...small, architecture: 'gemma3', layers: 3, tied: true, window: { tokens: 8, base: 1e4, pattern: 2 } },
  { ...small, architecture: 'phi3', type: 'q8_0' },
];
const prompt = Array.from({ length: 40 }, (_, i) => (i * 31 + 5) % small.vocabulary);

interface Computed {
  readonly logits: readonly Float32Array[];
  /** Slices that stream, and those of them that are held in the process's memory. */
  readonly streamed: number;
  readonly held: number;
}

/** The logits of a prompt, and of two tokens after it, one at a time. */
async function computed(path: string, options: TestRuntimeOptions): Promise<Computed> {
  await using model = await openRuntime(path, { context: 64, ...options });
  const logits = [...(await model.logits(prompt))];
  const { state } = at(model.runtime.caches.all, 0);
  for (const [i, token] of [7, 11].entries()) {
    const span = { state, start: prompt.length + i, tokens: [token], logits: 'last' } as const;
    logits.push((await model.runtime.forward.run([span])).slice());
  }
  return { logits, streamed: model.plan.streamed.length, held: model.plan.host?.held.length ?? 0 };
}

const flat = (rows: readonly Float32Array[]): Float32Array => Float32Array.from(rows.flatMap((row) => [...row]));

/** Rows have the same first element wherever it is ahead of the second by more than rounding. */
function assertSameFirst(rows: readonly Float32Array[], expected: readonly Float32Array[]): void {
  for (const [i, row] of rows.entries()) {
    const other = at(expected, i);
    const rms = Math.sqrt(
      row.reduce((sum, x, k) => sum + (x - at([...other.subarray(k, k + 1)], 0)) ** 2, 0) / row.length,
    );
    if (topGap(other) > 4 * rms) assert.equal(argmax(row), argmax(other), `row ${i}`);
  }
}

for (const memory of ['host', 'apart'] satisfies Device['memory'][]) {
  const where = memory === 'host' ? "in the process's memory" : 'with memory of its own';

  test(`a device ${where} computes the logits of the CPU, and of libllama on the same device`, {
    skip: withoutVulkan,
  }, async () => {
    using folder = tempFolder();
    using device = vulkanDevice(memory);
    for (const spec of specs) {
      const path = writeRandom(folder.file('model.gguf'), spec);
      const expected = await computed(path, {});
      const actual = await computed(path, { device });
      assert.ok(nmse(flat(actual.logits), flat(expected.logits)) < 1e-2, spec.architecture);
      assertSameFirst(actual.logits, expected.logits);
      using libllama = new Libllama(path, { context: 256, threads: 1, device: true });
      const theirs = libllama.decode(prompt);
      assert.ok(
        nmse(flat(actual.logits.slice(0, prompt.length)), flat(theirs)) < 1e-5,
        `libllama: ${spec.architecture}`,
      );
    }
  });
}
