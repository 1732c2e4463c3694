import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { promisify } from 'node:util';
import { usableVariants } from '../../test/support/variants.ts';
import { nmse } from '../base/nmse.ts';
import { chooseCpuVariant, variantIn } from './cpu-variant.ts';

const usable = usableVariants();
const skip = usable.length > 1 ? false : 'ggml has one CPU variant only that this processor can run';

/** Result of a process in which the variant was chosen; an empty name chooses none. */
async function products(variant: string): Promise<{ variant: string; products: Float32Array }> {
  const { SSD_LLM_CPU: _, ...env } = process.env;
  const program = ['--import', 'tsx', 'test/support/products.ts', variant];
  const { stdout } = await promisify(execFile)(process.execPath, program, { env });
  const { products, ...rest } = JSON.parse(stdout) as { variant: string; products: number[] };
  return { ...rest, products: Float32Array.from(products) };
}

test('a variant that was chosen computes other bits than the best one, and the same numbers', { skip }, async () => {
  const [best, plainest] = await Promise.all([products(''), products('x64')]);
  assert.equal(plainest.variant, 'x64');
  if (process.platform === 'linux') {
    assert.ok(usable.includes(best.variant) && best.variant !== 'x64');
  }
  assert.notDeepEqual(plainest.products, best.products);
  assert.ok(nmse(plainest.products, best.products) < 1e-4);
});

test('a variant of no known name is refused with those that can be chosen', () => {
  assert.throws(() => chooseCpuVariant('abacus'), /"abacus" cannot compute \(there is none of this name\)/);
});

test('a variant that the processor cannot run is refused', (t) => {
  const every = 'alderlake cannonlake cascadelake cooperlake haswell icelake sapphirerapids skylakex zen4'.split(' ');
  const beyond = every.filter((name) => !usable.includes(name));
  if (skip !== false || beyond.length === 0) return t.skip('this processor can run every variant that ggml has');
  for (const name of beyond) assert.throws(() => chooseCpuVariant(name), { code: 'CPU_VARIANT' });
});

test('the name of a variant is read from the name of its file', () => {
  assert.equal(variantIn('/lib/libggml-cpu-haswell.so'), 'haswell');
  assert.equal(variantIn('ggml-cpu-sse42.dll'), 'sse42');
  assert.equal(variantIn('libggml-cpu-apple_m1.v0.4.0.dylib'), 'apple_m1');
  assert.deepEqual(
    ['libggml-cpu-armv8.0_1.so', '/lib/libggml-cpu-armv8.2_2.so', 'libggml-cpu-armv9.2_1.v0.4.0.so'].map(variantIn),
    ['armv8.0_1', 'armv8.2_2', 'armv9.2_1'],
  );
  assert.equal(variantIn('libggml-base.so'), undefined);
  assert.equal(variantIn(''), undefined);
});
