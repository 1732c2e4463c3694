import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { type BackendApi, GpuComputing } from './gpu-computing.ts';
import type { Pointer } from './library.ts';

/** Backends as Metal's, numbered from 1: a graph that fails is a success, and each one after it a failure. */
class StickyBackends {
  readonly alive: Set<Pointer> = new Set();
  /** True if the next graph fails. */
  fails = false;
  /** True if no backend starts. */
  gone = false;
  readonly #failed = new Set<Pointer>();
  #count = 0n;

  get api(): BackendApi {
    const compute = (backend: Pointer): number => {
      assert.ok(this.alive.has(backend));
      if (this.#failed.has(backend)) return -1;
      if (this.fails) this.#failed.add(backend);
      this.fails = false;
      return 0;
    };
    const async = (backend: Pointer, _: Pointer, done: (error: null, status: number) => void): void =>
      done(null, compute(backend));
    return {
      ggml_backend_dev_init: () => {
        if (this.gone) return 0n;
        this.#count += 1n;
        this.alive.add(this.#count);
        return this.#count;
      },
      ggml_backend_free: (backend: Pointer) => void this.alive.delete(backend),
      ggml_backend_graph_compute: Object.assign(compute, { async }),
    } as unknown as BackendApi;
  }
}

const device = { pointer: 7n, name: 'a GPU', isSoftware: false };

test('a device that fails, which the next graph tells, computes again after that', async () => {
  const backends = new StickyBackends();
  {
    using computing = new GpuComputing(backends.api, device);
    await computing.compute(1n);
    backends.fails = true;
    await computing.compute(1n);
    assert.throws(() => computing.computeNow(1n), engineError('DEVICE_FAILED', 'a GPU'));
    for (let i = 0; i < 2; i += 1) await computing.compute(1n);
    assert.equal(backends.alive.size, 1);
  }
  assert.equal(backends.alive.size, 0);
});

test('a device that is gone is an error each time it is asked, and computes when it is back', async () => {
  const backends = new StickyBackends();
  using computing = new GpuComputing(backends.api, device);
  backends.fails = true;
  await computing.compute(1n);
  backends.gone = true;
  for (let i = 0; i < 3; i += 1) await assert.rejects(computing.compute(1n), engineError('DEVICE_FAILED'));
  backends.gone = false;
  await computing.compute(1n);
  backends.gone = true;
  assert.throws(() => new GpuComputing(backends.api, device), engineError('DEVICE_FAILED'));
});

test('a processor that behaves like a card has a backend for each graph, also for two at once', async () => {
  const backends = new StickyBackends();
  using computing = new GpuComputing(backends.api, { ...device, isSoftware: true });
  await Promise.all([computing.compute(1n), computing.compute(1n)]);
  computing.computeNow(1n);
  assert.deepEqual([...backends.alive], [1n]);
});
