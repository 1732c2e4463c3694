import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { charsmapFault } from './charsmap.ts';

/** A map of `nodes` and texts. */
function mapOf(nodes: readonly number[], texts: string): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * nodes.length + texts.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 4 * nodes.length, true);
  for (const [i, node] of nodes.entries()) view.setUint32(4 + 4 * i, node >>> 0, true);
  for (const [i, text] of [...texts].entries()) bytes[4 + 4 * nodes.length + i] = text.charCodeAt(0);
  return bytes;
}

/** A map that replaces "A": its node is at 256 ^ 0x41, the value behind it at the XOR of that and its base. */
function small({ value = 0, count = 1024, texts = 'a\0' } = {}): Uint8Array {
  const base = 0x100;
  const nodes = Array<number>(1024).fill(0x80000000);
  const place = base ^ 0x41;
  nodes[0] = base << 10;
  nodes[place] = (0x200 << 10) | (1 << 8) | 0x41;
  nodes[place ^ 0x200] = (0x80000000 | value) >>> 0;
  return mapOf(nodes.slice(0, count), texts);
}

test('a map that stays within its trie and its texts has no fault', () => {
  assert.equal(charsmapFault(small()), undefined);
  assert.equal(charsmapFault(mapOf([], 'x\0')), undefined);
});

test('a map that libllama would leave is named by its fault', () => {
  assert.equal(charsmapFault(new Uint8Array(3)), 'is cut short');
  assert.equal(charsmapFault(small().subarray(0, 500)), 'is cut short');
  assert.equal(charsmapFault(small({ texts: 'ab' })), 'ends within a text');
  assert.equal(charsmapFault(small({ value: 2 })), 'leads out of its texts');
  assert.equal(charsmapFault(small({ count: 400 })), 'leads out of its trie');
});

/** The walk of libllama over a text: false where it would leave the map. */
function staysWithin(bytes: Uint8Array, text: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const size = view.getUint32(0, true);
  const node = (place: number): number => {
    if (place >= Math.floor(size / 4)) throw new RangeError('out of the trie');
    return view.getUint32(4 + 4 * place, true);
  };
  const baseOf = (one: number): number => (one >>> 10) << ((one & 0x200) >>> 6);
  try {
    let place = baseOf(node(0)) >>> 0;
    for (const byte of text) {
      if (byte === 0) break;
      place = (place ^ byte) >>> 0;
      const here = node(place);
      if ((here & 0x800000ff) >>> 0 !== byte) break;
      place = (place ^ baseOf(here)) >>> 0;
      if (here & 0x100 && (node(place) & 0x7fffffff) >= bytes.length - 4 - size) return false;
    }
    return true;
  } catch {
    return false;
  }
}

test('no text makes libllama leave a map without a fault', () => {
  const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const node = fc.oneof(
    word,
    fc.integer({ min: 0, max: 0x1ff }).map((low) => (low | (0x100 << 10)) >>> 0),
  );
  fc.assert(
    fc.property(fc.array(node, { minLength: 512, maxLength: 520 }), fc.uint8Array(), (nodes, text) => {
      const bytes = mapOf(nodes, 'ab\0');
      if (charsmapFault(bytes) === undefined) assert.ok(staysWithin(bytes, text));
    }),
  );
});
