import type { Architecture } from '../architecture.ts';
import { decoder, feedForward, preNormLayer, selfAttention } from '../blocks.ts';
import { readConfig, ropeNeox } from '../config.ts';

/** Qwen3, dense: queries and keys are normalised. */
export const qwen3: Architecture = {
  name: 'qwen3',
  config: (metadata, rope) => readConfig(metadata, ropeNeox, rope),
  stages: (c) =>
    decoder(c, (il) =>
      preNormLayer(c, il, {
        attend: (context, x) =>
          selfAttention(context, x, { c, il }, { rope: c.rope, qkNorm: true, scale: 1 / Math.sqrt(c.keyLength) }),
        feed: (context, x) => feedForward(context, x, { c, il }, 'silu'),
      }),
    ),
};
