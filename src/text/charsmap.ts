/** Bits of a node: the place of its children is its own XOR the base; it may have a child that holds a value. */
const flag = 2 ** 31;
const leaf = 2 ** 8;
const baseOf = (node: number): number => (node >>> 10) << ((node & (2 ** 9)) >>> 6);

/**
 * The fault of a unigram tokenizer's map of characters ("precompiled_charsmap") that libllama would end the process on;
 * undefined if there is none. The map is the length of a trie in bytes, its nodes of 32 bits, and texts that end with zeros.
 */
export function charsmapFault(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length < 4 ? Number.POSITIVE_INFINITY : view.getUint32(0, true);
  if (length + 4 >= bytes.length) return 'is cut short';
  const texts = bytes.length - 4 - length;
  const count = Math.floor(length / 4);
  if (bytes[bytes.length - 1] !== 0) return 'ends within a text';
  if (count === 0) return undefined;
  // All processors that ggml is built for have the lowest byte first.
  const nodes = new Uint32Array(bytes.slice(4, 4 + 4 * count).buffer);
  const node = (place: number): number => nodes[place] as number;
  // Children of the places that are known to be reached.
  const reached = new Set([baseOf(node(0))]);
  for (const base of reached) {
    for (let byte = 1; byte < 256; byte += 1) {
      // JavaScript's XOR is of signed numbers.
      const place = (base ^ byte) >>> 0;
      if (place >= count) return 'leads out of its trie';
      const child = node(place);
      if ((child & (flag | 0xff)) >>> 0 !== byte) continue;
      const next = (place ^ baseOf(child)) >>> 0;
      if ((child & leaf) !== 0) {
        if (next >= count) return 'leads out of its trie';
        if ((node(next) & (flag - 1)) >= texts) return 'leads out of its texts';
      }
      reached.add(next);
    }
  }
  return undefined;
}
