import assert from 'node:assert/strict';
import { read as readFile } from 'node:fs';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import {
  device,
  fastLayouts,
  logitsOf,
  plainLayouts,
  prompt,
  spec,
  withModel,
} from '../../test/support/forward-model.ts';
import { some } from '../../test/support/rounds.ts';
import { existingType } from '../../test/support/weights.ts';
import { EngineError } from '../base/errors.ts';
import { nmse } from '../base/nmse.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import type { Pager } from '../pager/pager.ts';
import type { ReadAt } from '../pager/reader.ts';
import type { Plan } from '../plan/plan.ts';
import type { KvStore } from '../state/kv-store.ts';
import type { Forward, ForwardParts } from './forward.ts';

let expected: readonly Float32Array[] = [];
test('a model that is resident as a whole takes tokens to logits', async () => {
  const use = async (forward: Forward, kv: KvStore, plan: Plan): Promise<void> => {
    assert.equal(plan.bytesPerPass, 0);
    expected = await logitsOf(forward, kv);
    assert.deepEqual(
      expected.map((logits) => logits.length),
      [prompt.length * spec.vocabulary, spec.vocabulary],
    );
    assert.ok(forward.computeSeconds > 0);
  };
  await withModel(2 ** 24, use, { ahead: true });
});

test('a first pass that loads on its way gives the logits of one over what was loaded ahead, in every layout', async () => {
  for (const layoutOf of [plainLayouts, fastLayouts]) {
    for (const extra of some([0, 2 ** 16, 2 ** 18, 2 ** 24], 3)) {
      const logits: (readonly Float32Array[])[] = [];
      const use = async (forward: Forward, kv: KvStore): Promise<void> => {
        for (let i = 0; i < 2; i += 1) logits.push(await logitsOf(forward, kv));
      };
      for (const ahead of [true, false]) await withModel(extra, use, { layoutOf, ahead });
      for (const others of logits) assert.deepEqual(others, logits[0]);
    }
  }
});

test('streamed through the smallest ring, and a little more, it gives the same logits', async () => {
  for (const extra of [0, 2 ** 16, 2 ** 18]) {
    await withModel(extra, async (forward, kv, plan) => {
      assert.ok(plan.bytesPerPass > 0);
      for (let i = 0; i < 2; i += 1) assert.deepEqual(await logitsOf(forward, kv), expected);
    });
  }
});

test('after an abort between two steps, the next pass begins with the first weights', async () => {
  await withModel(0, async (forward, kv) => {
    for (const ticks of [0, 3, 10, 30]) {
      const controller = new AbortController();
      const reason = new Error('not wanted any more');
      const run = forward.run([{ state: kv, start: 0, tokens: prompt, logits: 'all' }], { signal: controller.signal });
      for (let i = 0; i < ticks; i += 1) await new Promise(setImmediate);
      controller.abort(reason);
      await run.catch((error) => assert.equal(error, reason));
      assert.deepEqual(await logitsOf(forward, kv), expected);
    }
  });
});

test('a pass whose device says only at its end that it failed is no result, and can be run again', async () => {
  class Late extends CpuDevice {
    fails = true;
    override checkComputed(): void {
      if (this.fails) throw new EngineError('DEVICE_FAILED', { device: this.name, reason: 'a test' });
    }
  }
  using on = new Late(1);
  const use = async (forward: Forward, kv: KvStore): Promise<void> => {
    on.fails = true;
    await assert.rejects(logitsOf(forward, kv), engineError('DEVICE_FAILED'));
    on.fails = false;
    assert.deepEqual(await logitsOf(forward, kv), expected);
  };
  for (const extra of [0, 2 ** 24]) await withModel(extra, use, { on });
});

test('a GPU is read for while it computes or between its steps, whichever was faster, with the same logits', async () => {
  let [begun, active] = [0, 0];
  const readAt: ReadAt = (fd, into, position, done) => {
    begun += 1;
    active += 1;
    readFile(fd, into, 0, into.length, position, (error, bytes) => {
      active -= 1;
      done(error, bytes);
    });
  };
  /** Steps that were read beside. */
  let disturbed = 0;
  const on: ForwardParts['device'] = {
    kind: 'vulkan',
    threads: 1,
    compute: async (graph) => {
      const before = begun + active;
      await device.compute(graph);
      if (active > 0 || begun !== before) disturbed += 1;
    },
    checkComputed: () => {},
  };
  const use = async (forward: Forward, kv: KvStore): Promise<void> => {
    const first = await logitsOf(forward, kv);
    assert.deepEqual(first, expected);
    assert.equal(forward.reading, undefined);
    const passes: number[] = [];
    while (!forward.reading) {
      disturbed = 0;
      const span = { state: kv, start: prompt.length, tokens: [7], logits: 'last' } as const;
      assert.deepEqual(await forward.run([span]), first[1]);
      passes.push(disturbed);
    }
    // Every other pass was read for between its steps.
    for (const [i, steps] of passes.entries()) if (i % 2 === 1) assert.equal(steps, 0);
    assert.ok(passes.length >= 2 && passes.length <= 6, `${passes}`);
  };
  await withModel(0, use, { readAt, on, ahead: true });
});

test('a first pass that failed, wherever, can be run again', async () => {
  for (const layoutOf of [plainLayouts, fastLayouts]) {
    let logits: readonly Float32Array[] = [];
    const right = async (forward: Forward, kv: KvStore): Promise<void> => {
      logits = await logitsOf(forward, kv);
    };
    await withModel(2 ** 18, right, { layoutOf });
    for (const failing of some([1, 2, 4, 9, 16], 3)) {
      let read = 0;
      const readAt: ReadAt = (fd, into, position, done) => {
        read += 1;
        if (read === failing) done(Object.assign(new Error('i/o error'), { code: 'EIO' }), 0);
        else readFile(fd, into, 0, into.length, position, done);
      };
      const use = async (forward: Forward, kv: KvStore): Promise<void> => {
        await assert.rejects(logitsOf(forward, kv), engineError('READ_FAILED'));
        assert.deepEqual(await logitsOf(forward, kv), logits);
      };
      await withModel(2 ** 18, use, { layoutOf, readAt });
    }
  }
});

test('residents that are loaded ahead after a pass has failed leave nothing wrong in the ring', async () => {
  const long = Array.from({ length: 64 }, (_, i) => (37 * i) % spec.vocabulary);
  for (const layoutOf of [plainLayouts, fastLayouts]) {
    const results: Float32Array[] = [];
    for (const failing of [undefined, ...some([1, 2, 4, 9, 16], 3)]) {
      let read = 0;
      const readAt: ReadAt = (fd, into, position, done) => {
        read += 1;
        if (read === failing) done(Object.assign(new Error('i/o error'), { code: 'EIO' }), 0);
        else readFile(fd, into, 0, into.length, position, done);
      };
      const use = async (forward: Forward, kv: KvStore, plan: Plan, pager: Pager): Promise<void> => {
        assert.ok(plan.bytesPerPass > 0);
        if (failing !== undefined) await assert.rejects(logitsOf(forward, kv), engineError('READ_FAILED'));
        await pager.load();
        results.push((await forward.run([{ state: kv, start: 0, tokens: long, logits: 'all' }])).slice());
      };
      await withModel(2 ** 16, use, { layoutOf, readAt });
    }
    for (const result of results) assert.deepEqual(result, results[0]);
  }
});

test('after a failed read, the next pass begins with the first weights', async () => {
  for (const countdown of [5, 20, 60]) {
    let left = Number.POSITIVE_INFINITY;
    const readAt: ReadAt = (fd, into, position, done) => {
      left -= 1;
      if (left === 0) done(Object.assign(new Error('i/o error'), { code: 'EIO' }), 0);
      else readFile(fd, into, 0, into.length, position, done);
    };
    await withModel(
      0,
      async (forward, kv) => {
        left = countdown;
        await assert.rejects(async () => {
          for (let i = 0; i < 10; i += 1) await logitsOf(forward, kv);
        }, engineError('READ_FAILED'));
        assert.deepEqual(await logitsOf(forward, kv), expected);
      },
      { readAt },
    );
  }
});

test('a pass of many tokens converts what streams, and gives the logits of plain kernels', async (t) => {
  if (!device.layoutFor(existingType('q4_0').id, [256, 256])) return t.skip('this processor has no layout of its own');
  const long = Array.from({ length: 64 }, (_, i) => (37 * i) % spec.vocabulary);
  const run = async (forward: Forward, kv: KvStore): Promise<Float32Array> =>
    (await forward.run([{ state: kv, start: 0, tokens: long, logits: 'all' }])).slice();
  const logits: Float32Array[] = [];
  for (const layoutOf of [plainLayouts, fastLayouts]) {
    await withModel(
      0,
      async (forward, kv, plan) => {
        assert.equal(plan.ringModes.converting !== undefined, layoutOf === fastLayouts);
        for (let i = 0; i < 2; i += 1) {
          logits.push(await run(forward, kv));
          // A pass of few tokens reads the same ring in another way.
          await forward.run([{ state: kv, start: long.length - 1, tokens: long.slice(-1), logits: 'last' }]);
        }
      },
      { layoutOf, ahead: true },
    );
  }
  const [plain = new Float32Array(), plainAgain, converted = new Float32Array(), convertedAgain] = logits;
  assert.deepEqual(plainAgain, plain);
  assert.deepEqual(convertedAgain, converted);
  assert.notDeepEqual(converted, plain);
  assert.ok(nmse(converted, plain) < 1e-5);
});

test('passes whose logits are more or fewer each time share one array for them', async () => {
  await withModel(2 ** 20, async (forward, kv) => {
    const buffers = new Set<ArrayBufferLike>();
    for (const count of [8, 1, 5, 2, 8]) {
      const logits = await forward.run([{ state: kv, start: 0, tokens: prompt.slice(0, count), logits: 'all' }]);
      assert.equal(logits.length, count * spec.vocabulary);
      const [all = new Float32Array()] = expected;
      assert.ok(nmse(logits, all.subarray(0, logits.length)) < 1e-5);
      buffers.add(logits.buffer);
    }
    assert.equal(buffers.size, 1);
  });
});
