import type { Architecture, Config, Stage } from '../architecture.ts';
import { decoder, feedForward, norm, selectOutputs, selfAttention } from '../blocks.ts';
import { readConfig, ropeNeox } from '../config.ts';
import { Keys } from '../keys.ts';

/**
 * Gemma 3, text: most layers see a window only and rotate with a base of their own; norms before and after each part.
 */
export const gemma3: Architecture = {
  name: 'gemma3',
  config: (metadata, rope) => {
    const c = readConfig(metadata, ropeNeox, rope);
    const keys = new Keys(metadata, c.architecture);
    const tokens = keys.number('attention.sliding_window', 0);
    const config = { ...c, logitSoftcap: keys.number('final_logit_softcapping', 0) };
    if (tokens === 0) return config;
    return {
      ...config,
      window: {
        tokens: keys.count('attention.sliding_window'),
        rope: { ...c.rope, base: keys.positive('rope.freq_base_swa', 10000), scale: 1 },
        layers: keys.pattern('attention.sliding_window_pattern', c.layers, 6),
      },
    };
  },
  stages: (c) => decoder(c, (il) => layer(c, il), Math.sqrt(c.width)),
};

const layer =
  (c: Config, il: number): Stage['build'] =>
  (context, x) => {
    const { graph } = context;
    const window = c.window?.layers[il] ? c.window : undefined;
    const attended = selfAttention(
      context,
      norm(context, x, `blk.${il}.attn_norm`, c.epsilon),
      { c, il },
      {
        rope: window?.rope ?? c.rope,
        qkNorm: true,
        scale: attentionScale(c),
        scaleFirst: true,
      },
    );
    const [y, residual] = selectOutputs(context, il === c.layers - 1, [attended, x]);
    const middle = graph.add(norm(context, y, `blk.${il}.post_attention_norm`, c.epsilon), residual);
    const fed = feedForward(context, norm(context, middle, `blk.${il}.ffn_norm`, c.epsilon), { c, il }, 'gelu');
    return graph.add(norm(context, fed, `blk.${il}.post_ffw_norm`, c.epsilon), middle);
  };

/** The 27B (62 layers) scales by its width per head; all others by their key length. */
const attentionScale = (c: Config): number =>
  1 / Math.sqrt(c.layers === 62 ? Math.floor(c.width / c.heads) : c.keyLength);
