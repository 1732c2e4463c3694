import { isUtf8 } from 'node:buffer';
import { tokenAttributes } from '../ggml/llama.ts';
import { UnitPairs } from './cut-rules.ts';

/** A vocabulary, as far as its names matter. */
interface NamedTokens {
  readonly size: number;
  attributes(token: number): number;
  nameOf(token: number): string;
  piece(token: number, options: { readonly special: boolean }): Uint8Array;
}

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;
const blanks = [' ', '\t', '\r', '\n'];

/** Pairs in the names of tokens, and in what a text may have after those that take blanks with them. */
export function namePairs(vocabulary: NamedTokens, isWanted: (attributes: number) => boolean): UnitPairs {
  const pairs = new UnitPairs();
  for (let token = 0; token < vocabulary.size; token += 1) {
    const attributes = vocabulary.attributes(token);
    if (!isWanted(attributes)) continue;
    const text = vocabulary.nameOf(token).replaceAll('▁', ' ');
    pairs.addAll(text);
    if (attributes & tokenAttributes.stripsRight) for (const blank of blanks) pairs.addAll(text.slice(-1) + blank);
  }
  return pairs;
}

/** Adds the pairs in the bytes of all tokens; true if some begin or end within one character and reach into another. */
export function addPieces(vocabulary: NamedTokens, pairs: UnitPairs): boolean {
  let halves = false;
  for (let token = 0; token < vocabulary.size; token += 1) {
    const bytes = vocabulary.piece(token, { special: true });
    pairs.addAll(Buffer.from(bytes).toString('latin1'));
    if (isUtf8(bytes)) pairs.addAll(Buffer.from(bytes).toString());
    else halves ||= bytes.subarray(1).some((byte) => !isContinuation(byte));
  }
  return halves;
}
