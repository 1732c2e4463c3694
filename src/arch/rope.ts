import { EngineError } from '../base/errors.ts';
import type { Rope } from '../ggml/rope.ts';
import type { Keys } from './keys.ts';

/** Ways to stretch a context that users can choose. */
export const ropeScalings = ['none', 'linear', 'yarn'] as const;
/**
 * A way to stretch a context.
 *
 * @example const scaling: RopeScaling = 'yarn';
 */
export type RopeScaling = (typeof ropeScalings)[number];

/**
 * A user's changes to the rotation that the metadata describe. Layers with a window of their own are not touched.
 *
 * @example const rope: RopeOptions = { scale: 4, scaling: 'yarn' };
 */
export interface RopeOptions {
  /** Factor by which the context is stretched: frequencies are divided by it. It replaces the metadata's factor. */
  readonly scale?: number | undefined;
  /** Base of the frequencies. It replaces the metadata's base. */
  readonly base?: number | undefined;
  /** Way of stretching; `none`: not at all, whatever `scale` is. Default: as the metadata say, else linear. */
  readonly scaling?: RopeScaling | undefined;
}

/** True if something is asked for. */
export const isRotation = (options: RopeOptions = {}): boolean =>
  Object.values(options).some((value) => value !== undefined);

/** Ranges of the numbers. */
export const ropeRanges = {
  scale: { min: 1, max: 1024, expected: 'a number from 1 to 1024' },
  base: { min: 2, max: 1e12, expected: 'a number from 2 to 1e12' },
} as const;

const written: readonly string[] = [...ropeScalings, 'longrope'];

/** Longest context, in tokens. Positions are whole numbers in float32 while they are rotated. */
const longest = 2 ** 24;
/** Tokens that a model with another base may see: only its user knows how many are sensible. */
const withOwnBase = 2 ** 20;

/**
 * Rope as the metadata describe it or `options` want it, and the tokens that the model can see at once with it: those
 * that it was trained for (`model.context`), or more if it is stretched further. Stretching starts from the original
 * context: the one that the metadata name, or the trained one without their factor, whichever is longer. Throws
 * METADATA_INVALID, BAD_OPTION.
 */
export function readRope(
  keys: Keys,
  model: { mode: number; dims: number; context: number },
  options: RopeOptions = {},
): { rope: Rope; context: number } {
  checkOptions(options);
  const { scaling, factor } = readScaling(keys);
  const kind = options.scaling ?? (scaling === 'none' && options.scale !== undefined ? 'linear' : scaling);
  const stretch = kind === 'none' ? 1 : (options.scale ?? factor);
  const original = keys.count('rope.scaling.original_context_length', model.context);
  const attnFactor = keys.positive('rope.scaling.attn_factor', 1);

  const named = keys.has('rope.scaling.original_context_length') ? original : 0;
  const unstretched = Math.max(named, model.context / (scaling === 'none' ? 1 : factor));
  const stretched = Math.max(Math.floor(stretch * unstretched), options.base === undefined ? 0 : withOwnBase);
  return {
    rope: {
      dims: model.dims,
      mode: model.mode,
      originalContext: original,
      base: options.base ?? keys.positive('rope.freq_base', 10000),
      scale: 1 / stretch,
      extFactor: kind === 'yarn' ? 1 : 0,
      // Ggml corrects the magnitude for YaRN itself, also where a context is shrunk; libllama takes that back there.
      attnFactor: kind === 'yarn' && stretch < 1 ? attnFactor / (1 + 0.1 * Math.log(stretch)) : attnFactor,
      betaFast: 32,
      betaSlow: 1,
    },
    context: Math.max(model.context, Math.min(longest, stretched)),
  };
}

/** The stretching that the metadata describe. */
function readScaling(keys: Keys): { scaling: string; factor: number } {
  const scaling = keys.string('rope.scaling.type', 'linear');
  if (!written.includes(scaling)) {
    keys.refuse('rope.scaling.type', `is "${scaling}"; expected one of ${written.join(', ')}`);
  }
  // `scale_linear` is the older name of `scaling.factor`.
  const factor = keys.number('rope.scaling.factor', undefined) ?? keys.number('rope.scale_linear', 0);
  if (factor < 0) keys.refuse('rope.scaling.factor', `is ${factor}; expected a positive number`);
  return { scaling, factor: factor || 1 };
}

function checkOptions({ scaling, ...numbers }: RopeOptions): void {
  for (const name of ['scale', 'base'] as const) {
    const { min, max, expected } = ropeRanges[name];
    const value = numbers[name];
    if (value === undefined || (value >= min && value <= max)) continue;
    throw new EngineError('BAD_OPTION', { option: `rope.${name}`, value: `${value}`, expected });
  }
  if (scaling === undefined || ropeScalings.includes(scaling)) return;
  throw new EngineError('BAD_OPTION', {
    option: 'rope.scaling',
    value: `${scaling}`,
    expected: ropeScalings.join(', '),
  });
}
