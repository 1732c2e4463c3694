import { crc32 } from 'node:zlib';
import * as z from 'zod';
import { at } from '../base/at.ts';
import { kvTypes, mostTokens } from '../plan/kv-choice.ts';
import { type KvShape, pieceBytes } from './shape.ts';

const magic = 'ssd-llm keys and values 3\n';
const { length: magicLength } = magic;
/** Bytes before the header: the magic, and the header's length and checksum. */
export const preludeBytes: number = magicLength + 8;
/** Bytes of the longest header; the tokens of the longest text take half of them. */
const longestHeader = 16 * 2 ** 20;
/** Arrays and objects, and values, that a header may have: their memory is bounded before they are parsed. */
const mostContainers = 2 ** 18;
const mostValues = 4 * mostTokens;
const mostContext = 2 ** 24;

/** The header of a text in a file, before its keys and values. */
export interface KeptHeader {
  /** A name for the model's file and everything else that keys and values depend on. */
  readonly identity: string;
  readonly shape: KvShape;
  readonly tokens: readonly number[];
  readonly exact: number;
  readonly written: number;
  /** Anything that the caller wants to know of the text. */
  readonly about?: unknown;
  /** Bytes and checksum of each piece. */
  readonly pieces: readonly (readonly [bytes: number, sum: number])[];
}

const isWhole = (value: unknown, most: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;
const uint32 = 2 ** 32 - 1;

const isPiece = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && isWhole(value[0], pieceBytes) && isWhole(value[1], uint32);

const whole = (least: number, most: number): z.ZodType<number> => z.int().min(least).max(most);
const Window = z.object({ tokens: whole(1, mostContext), sinks: whole(0, mostContext) });
const Shape = z.object({
  layers: whole(1, 4096),
  kvHeads: whole(1, 4096),
  keyLength: whole(1, 2 ** 16),
  valueLength: whole(1, 2 ** 16),
  context: whole(1, mostContext),
  type: z.enum(kvTypes),
  windows: z.array(Window.nullable()).exactOptional(),
  pass: whole(1, mostContext).exactOptional(),
});
const Header = z
  .object({
    identity: z.string(),
    shape: Shape,
    // Zod's own arrays would take long for a million elements.
    tokens: z.custom<readonly number[]>(
      (value) => Array.isArray(value) && value.every((token) => isWhole(token, uint32)),
    ),
    exact: whole(0, Number.MAX_SAFE_INTEGER),
    written: whole(0, Number.MAX_SAFE_INTEGER),
    about: z.unknown().exactOptional(),
    pieces: z.custom<KeptHeader['pieces']>((value) => Array.isArray(value) && value.every(isPiece)),
  })
  .refine(({ shape: { windows, layers } }) => !windows || windows.length === layers, { path: ['shape'] })
  .refine(({ tokens, shape }) => tokens.length <= shape.context, { path: ['tokens'] })
  .refine(({ tokens, exact }) => exact <= tokens.length, { path: ['exact'] })
  .refine(({ tokens, written }) => written >= tokens.length, { path: ['written'] });

/** The beginning of a file, up to the keys and values. Throws if it would be too long to be read again. */
export function encodeHeader(header: KeptHeader): Buffer {
  const text = Buffer.from(JSON.stringify(header));
  if (text.length > longestHeader) throw new Error('the text is too long to be kept');
  const numbers = Buffer.alloc(preludeBytes - magicLength);
  numbers.writeUInt32LE(text.length);
  numbers.writeUInt32LE(crc32(text), 4);
  return Buffer.concat([Buffer.from(magic), numbers, text]);
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
export function decodeHeader(prelude: Buffer, text: Buffer): KeptHeader {
  if (crc32(text) !== prelude.readUInt32LE(magicLength + 4)) throw new Error('it is damaged');
  checkCounts(text);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.toString());
  } catch (cause) {
    throw new Error('it is damaged', { cause });
  }
  const { data, error } = Header.safeParse(parsed);
  if (data) return data;
  const [first = 'header'] = at(error.issues, 0).path;
  throw new Error(`its ${String(first)} cannot be right`);
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
