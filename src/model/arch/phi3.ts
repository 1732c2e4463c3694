import type { Tensor } from '../../ggml/graph.ts';
import type { Architecture, Config, Site } from '../architecture.ts';
import { attention, decoder, linear, preNormLayer, ropeFactors } from '../blocks.ts';
import { readConfig, ropeNeox } from '../config.ts';

/** Phi-3, Phi-3.5 and Phi-4 mini: fused projections; rope factors for short and long contexts. */
export const phi3: Architecture = {
  name: 'phi3',
  config: (metadata, rope) => readConfig(metadata, ropeNeox, rope),
  stages: (c) =>
    decoder(c, (il) =>
      preNormLayer(c, il, {
        attend: (site, x) => {
          const factors = ropeFactors(site.weights, c, site.batch.reach);
          return attention(
            site,
            x,
            { c, il },
            { rope: c.rope, factors, scale: 1 / Math.sqrt(c.keyLength), scaleFirst: true },
          );
        },
        feed: (site, x) => fusedFeedForward(site, x, c, il),
      }),
    ),
};

/** One matrix holds gate and up. */
function fusedFeedForward(site: Site, x: Tensor, c: Config, il: number): Tensor {
  const gateAndUp = linear(site, x, `blk.${il}.ffn_up`, [c.width, 2 * c.feedForward]);
  return linear(site, site.graph.swigluFused(gateAndUp), `blk.${il}.ffn_down`, [c.feedForward, c.width]);
}
