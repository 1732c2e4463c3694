import type { Architecture } from '../architecture.ts';
import { decoder, feedForward, preNormLayer, ropeFactors, selfAttention } from '../blocks.ts';
import { readConfig, ropeNormal } from '../config.ts';

/** Llama 1 to 3.x, Mistral, TinyLlama, SmolLM. */
export const llama: Architecture = {
  name: 'llama',
  config: (metadata, rope) => readConfig(metadata, ropeNormal, rope),
  stages: (c) =>
    decoder(c, (il) =>
      preNormLayer(c, il, {
        attend: (context, x) => {
          const factors = ropeFactors(context.weights, c, context.batch.maxDistance);
          return selfAttention(context, x, { c, il }, { rope: c.rope, factors, scale: 1 / Math.sqrt(c.keyLength) });
        },
        feed: (context, x) => feedForward(context, x, { c, il }, 'silu'),
      }),
    ),
};
