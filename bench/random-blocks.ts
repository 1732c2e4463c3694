import { type GgmlType, rowBytes, typeNamed } from '../src/gguf/types.ts';
import { dequantize, quantize } from './quantize.ts';
import type { Random } from './random.ts';

type SetScale = (block: DataView, scale: number) => void;

const scaleFirst: SetScale = (block, scale) => block.setUint16(0, scale, true);

/** The scale's four hexadecimal digits are the first ones of the block's last four words. */
const scaleInWords: SetScale = (block, scale) => {
  for (let i = 0; i < 4; i += 1) {
    const at = 48 + 2 * i;
    block.setUint16(at, (block.getUint16(at, true) & 0x0fff) | (((scale >> (4 * i)) & 15) << 12), true);
  }
};

/** ggml takes from 1.5 s (iq2_xxs) to 13 s (iq1_s) to make the tables it quantizes with. All bits mean something. */
const slowTypes: Readonly<Record<string, SetScale>> = {
  iq2_xxs: scaleFirst,
  iq2_xs: scaleFirst,
  iq2_s: scaleFirst,
  iq1_s: scaleFirst,
  iq1_m: scaleInWords,
};

/** True if ggml takes long to quantize even a little to this type. */
export const isSlow = (type: GgmlType): boolean => type.name in slowTypes;

/** The bits of a float16. */
function half(value: number): number {
  const f16 = typeNamed('f16') as GgmlType;
  const [low = 0, high = 0] = quantize(f16, Float32Array.of(value), 1);
  return low + 256 * high;
}

/** `count` random elements of a slow type, with mean 0 and this standard deviation, without quantizing. */
export function randomBlocks(type: GgmlType, random: Random, count: number, deviation: number): Uint8Array {
  const setScale = slowTypes[type.name];
  if (!setScale) throw new Error(`blocks of ${type.name} cannot be random bits`);
  const length = rowBytes(type, count);
  const bytes = new Uint8Array(random.words(Math.ceil(length / 4)).buffer, 0, length);
  const scaleAll = (scale: number): void => {
    const bits = half(scale);
    for (let at = 0; at < length; at += type.bytes) setScale(new DataView(bytes.buffer, at, type.bytes), bits);
  };
  scaleAll(1);
  const squares = dequantize(type, bytes).reduce((sum, v) => sum + v * v, 0);
  scaleAll(deviation / Math.sqrt(squares / count));
  return bytes;
}
