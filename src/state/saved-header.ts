import { crc32 } from 'node:zlib';
import * as z from 'zod';
import { at } from '../base/at.ts';
import { mostPieceBytes, type StoredText } from './layer-state.ts';

const magic = 'ssd-llm keys and values 4\n';
const { length: magicLength } = magic;
/** Bytes before the header: the magic, and the header's length and checksum. */
export const preludeBytes: number = magicLength + 8;
/** Bytes of the longest header; the tokens of the longest text take half of them. */
const longestHeader = 16 * 2 ** 20;
/**
 * Arrays and objects, and values, that a header may have beside tokens: their memory is bounded before they are parsed.
 */
const mostContainers = 2 ** 18;
const mostValues = 2 ** 20;
const mostContext = 2 ** 24;
const mostSnapshots = 64;

/** The header of a text in a file, before its keys and values. */
export interface SavedHeader extends StoredText {
  /** A name for the model's file and everything else that keys and values depend on. */
  readonly identity: string;
  /** The form of its pieces. */
  readonly form: string;
  readonly tokens: Int32Array;
  /** Anything that the caller wants to know of the text. */
  readonly about?: unknown;
  /** Bytes and checksum of each piece. */
  readonly pieces: readonly (readonly [bytes: number, sum: number])[];
}

const isWhole = (value: unknown, most: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
const uint32 = 2 ** 32 - 1;
const mostToken = 2 ** 31 - 1;
const [comma, zero] = [0x2c, 0x30] as const;

const isPiece = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && isWhole(value[0], mostPieceBytes) && isWhole(value[1], uint32);

const whole = (least: number, most: number): z.ZodType<number> => z.int().min(least).max(most);
const Header = z.object({
  identity: z.string(),
  form: z.string(),
  exact: whole(0, Number.MAX_SAFE_INTEGER),
  written: whole(0, Number.MAX_SAFE_INTEGER),
  snapshots: z.array(whole(1, mostContext)).max(mostSnapshots).default([]),
  about: z.unknown().exactOptional(),
  pieces: z.custom<SavedHeader['pieces']>((value) => Array.isArray(value) && value.every(isPiece)),
});

/** Tokens that are made into JSON at once. */
const tokensAtOnce = 4096;
const tokensBegin = '"tokens":[';

/**
 * The beginning of a file, up to where keys and values begin, in parts: JSON of a million tokens would take more as a
 * whole than they do. Throws if it would be too long to be read again.
 */
export function encodeHeader({ tokens, snapshots, ...rest }: SavedHeader): readonly Buffer[] {
  const parts: Buffer[] = [];
  for (let i = 0; i < tokens.length; i += tokensAtOnce) {
    parts.push(Buffer.from(`${i > 0 ? ',' : ''}${tokens.subarray(i, i + tokensAtOnce).join(',')}`));
  }
  const others = snapshots.length > 0 ? { snapshots, ...rest } : rest;
  const body = [Buffer.from(`{${tokensBegin}`), ...parts, Buffer.from(`],${JSON.stringify(others).slice(1)}`)];
  const length = body.reduce((sum, part) => sum + part.length, 0);
  if (length > longestHeader) throw new Error('the text is too long to be kept');
  const numbers = Buffer.alloc(preludeBytes - magicLength);
  numbers.writeUInt32LE(length);
  numbers.writeUInt32LE(
    body.reduce((sum, part) => crc32(part, sum), 0),
    4,
  );
  return [Buffer.from(magic), numbers, ...body];
}

/** True for the beginning of our files. */
export const isOurs = (prelude: Buffer): boolean => prelude.toString('latin1', 0, magicLength) === magic;

/** Bytes of the header behind a prelude, in a file of `size` bytes. Throws if the file is not ours. */
export function headerBytes(prelude: Buffer, size: number): number {
  const length = prelude.readUInt32LE(magicLength);
  if (!isOurs(prelude) || length > longestHeader) throw new Error('it begins differently');
  if (preludeBytes + length > size) throw new Error('it is cut short');
  return length;
}

/** Parses a header. Throws if it is damaged, or states something impossible. */
export function decodeHeader(prelude: Buffer, text: Buffer): SavedHeader {
  if (crc32(text) !== prelude.readUInt32LE(magicLength + 4)) throw new Error('it is damaged');
  const place = text.indexOf(tokensBegin);
  const begin = place < 0 ? text.length : place + tokensBegin.length;
  const end = Math.max(begin, text.indexOf(']', begin));
  const rest = Buffer.concat([text.subarray(0, begin), text.subarray(end)]);
  checkCounts(rest);
  if (place < 0) throw new Error('its tokens cannot be right');
  const tokens = tokensIn(text.subarray(begin, end));
  let parsed: unknown;
  try {
    parsed = JSON.parse(rest.toString());
  } catch (cause) {
    throw new Error('it is damaged', { cause });
  }
  const { data, error } = Header.safeParse(parsed);
  if (!data) {
    const [first = 'header'] = at(error.issues, 0).path;
    throw new Error(`its ${String(first)} cannot be right`);
  }
  if (tokens.length > mostContext) throw new Error('its tokens cannot be right');
  if (data.exact > tokens.length) throw new Error('its exact cannot be right');
  if (data.snapshots.some((position) => position >= tokens.length)) throw new Error('its snapshots cannot be right');
  if (data.written < tokens.length) throw new Error('its written cannot be right');
  return { ...data, tokens };
}

/** Whole numbers of 31 bits with commas between them. Throws if there is anything else. */
function tokensIn(json: Uint8Array): Int32Array {
  if (json.length === 0) return new Int32Array();
  const tokens = new Int32Array(json.reduce((count, byte) => (byte === comma ? count + 1 : count), 1));
  let [next, token] = [0, Number.NaN];
  const take = (): void => {
    if (!(token <= mostToken)) throw new Error('its tokens cannot be right');
    tokens[next++] = token;
    token = Number.NaN;
  };
  for (const byte of json) {
    if (byte === comma) take();
    else if (byte >= zero && byte < zero + 10) token = 10 * (token || 0) + byte - zero;
    else throw new Error('its tokens cannot be right');
  }
  take();
  return tokens;
}

/** Throws if the JSON has more arrays and objects, or more values, than a header could. */
function checkCounts(json: Uint8Array): void {
  let [containers, values, quoted] = [0, 0, false];
  for (let i = 0; i < json.length; i += 1) {
    const byte = json[i];
    if (byte === 0x22) quoted = !quoted;
    else if (quoted) i += byte === 0x5c ? 1 : 0;
    else if (byte === 0x5b || byte === 0x7b) containers += 1;
    else if (byte === 0x2c) values += 1;
  }
  if (containers > mostContainers || values > mostValues) throw new Error('its header has too many values');
}
