import type { Architecture } from '../architecture.ts';
import { attention, decoder, feedForward, preNormLayer, ropeFactors } from '../blocks.ts';
import { readConfig, ropeNormal } from '../config.ts';

/** Llama 1 to 3.x, Mistral, TinyLlama, SmolLM. */
export const llama: Architecture = {
  name: 'llama',
  config: (metadata, rope) => readConfig(metadata, ropeNormal, rope),
  stages: (c) =>
    decoder(c, (il) =>
      preNormLayer(c, il, {
        attend: (site, x) => {
          const factors = ropeFactors(site.weights, c, site.batch.reach);
          return attention(site, x, { c, il }, { rope: c.rope, factors, scale: 1 / Math.sqrt(c.keyLength) });
        },
        feed: (site, x) => feedForward(site, x, { c, il }, 'silu'),
      }),
    ),
};
