import type { Architecture } from '../architecture.ts';
import { decoder, feedForward, preNormLayer, selfAttention } from '../blocks.ts';
import { readConfig, ropeNeox } from '../config.ts';

/** Qwen2 and Qwen2.5: biases on queries, keys and values. */
export const qwen2: Architecture = {
  name: 'qwen2',
  config: (metadata, rope) => readConfig(metadata, ropeNeox, rope),
  stages: (c) =>
    decoder(c, (il) =>
      preNormLayer(c, il, {
        attend: (context, x) =>
          selfAttention(context, x, { c, il }, { rope: c.rope, scale: 1 / Math.sqrt(c.keyLength) }),
        feed: (context, x) => feedForward(context, x, { c, il }, 'silu'),
      }),
    ),
};
