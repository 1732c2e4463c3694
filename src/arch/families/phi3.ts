import type { Tensor } from '../../ggml/graph.ts';
import type { Architecture, BuildContext, Config } from '../architecture.ts';
import { decoder, linear, preNormLayer, ropeFactors, selfAttention } from '../blocks.ts';
import { readConfig, ropeNeox } from '../config.ts';

/** Phi-3, Phi-3.5 and Phi-4 mini: fused projections; rope factors for short and long contexts. */
export const phi3: Architecture = {
  name: 'phi3',
  config: (metadata, rope) => readConfig(metadata, ropeNeox, rope),
  stages: (c) =>
    decoder(c, (il) =>
      preNormLayer(c, il, {
        attend: (context, x) => {
          const factors = ropeFactors(context.weights, c, context.batch.maxDistance);
          return selfAttention(
            context,
            x,
            { c, il },
            { rope: c.rope, factors, scale: 1 / Math.sqrt(c.keyLength), scaleFirst: true },
          );
        },
        feed: (context, x) => fusedFeedForward(context, x, c, il),
      }),
    ),
};

/** The feed-forward layer whose one matrix holds gate and up. */
function fusedFeedForward(context: BuildContext, x: Tensor, c: Config, il: number): Tensor {
  const gateAndUp = linear(context, x, `blk.${il}.ffn_up`, [c.width, 2 * c.feedForward]);
  return linear(context, context.graph.swigluFused(gateAndUp), `blk.${il}.ffn_down`, [c.feedForward, c.width]);
}
