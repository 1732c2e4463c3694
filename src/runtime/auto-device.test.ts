import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { EngineError } from '../base/errors.ts';
import { autoDevice } from './auto-device.ts';

const GiB = 2 ** 30;
const card = { memory: 'apart', isSoftware: false, free: 10 * GiB } as const;
const failed = (device: string): EngineError => new EngineError('DEVICE_FAILED', { device, reason: 'a test' });

test('a device gains where it computes in memory that is shared, or holds all weights and a quarter more', () => {
  for (const [device, weights, expected] of [
    [card, 7.9 * GiB, true],
    [card, 8 * GiB, false],
    [{ ...card, free: 0 }, 0, false],
    [{ ...card, memory: 'host' }, 100 * GiB, true],
    [{ ...card, memory: 'host', isSoftware: true }, GiB, false],
    [{ ...card, isSoftware: true }, GiB, false],
  ] as const) {
    const find = () => [device];
    const start = (found: typeof device) => found === device;
    const chosen = autoDevice({ kinds: ['cuda'], weights, find, start, passOver: assert.fail });
    assert.equal(chosen, expected || undefined);
  }
});

const anyDevice = fc.record({
  memory: fc.constantFrom('host' as const, 'apart' as const),
  isSoftware: fc.boolean(),
  free: fc.nat(20),
  starts: fc.boolean(),
});
/** The devices of a kind; undefined if it cannot be loaded. */
const anyKind = fc.option(fc.array(anyDevice, { maxLength: 3 }), { nil: undefined });

test('auto takes the first device that gains and passes its test, tests no other, and says what it passed over', () => {
  fc.assert(
    fc.property(fc.array(anyKind, { maxLength: 4 }), fc.nat(20), (kinds, weights) => {
      const [started, passed]: [string[], string[]] = [[], []];
      const chosen = autoDevice({
        kinds: [...kinds.keys()],
        weights,
        find: (kind) => {
          const devices = kinds[kind];
          if (!devices) throw failed(`${kind}`);
          return devices.map((device, i) => ({ ...device, name: `${kind}.${i}` }));
        },
        start: ({ name, starts }, kind) => {
          started.push(name);
          if (!starts) throw failed(`${kind}`);
          return name;
        },
        passOver: (error) => passed.push(`${(error as EngineError<'DEVICE_FAILED'>).details.device}`),
      });
      const gains = ({ memory, isSoftware, free }: { memory: string; isSoftware: boolean; free: number }): boolean =>
        !isSoftware && (memory === 'host' || weights < 0.8 * free);
      /** The only device of each kind that may be tested. */
      const first = kinds.map((devices) => devices?.findIndex(gains) ?? -1);
      const right = kinds.findIndex((devices, kind) => devices?.[first[kind] ?? -1]?.starts);
      assert.equal(chosen, right < 0 ? undefined : `${right}.${first[right]}`);
      const tried = right < 0 ? kinds.length : right + 1;
      assert.deepEqual(
        started,
        first.slice(0, tried).flatMap((i, kind) => (i < 0 ? [] : [`${kind}.${i}`])),
      );
      const failing = [...kinds.keys()].filter(
        (kind) => kind < tried && kind !== right && (!kinds[kind] || (first[kind] ?? -1) >= 0),
      );
      assert.deepEqual(passed, failing.map(String));
    }),
  );
});

test('a fault of ours is not taken for one of a device', () => {
  const find = (): never => {
    throw new TypeError('a fault');
  };
  const parts = { kinds: ['vulkan'], weights: 1, find, start: assert.fail, passOver: assert.fail };
  assert.throws(() => autoDevice(parts), TypeError);
});
