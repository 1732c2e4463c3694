import type { Tensor, WeightTensor } from '../ggml/graph.ts';
import type { Rope } from '../ggml/rope.ts';
import { dimension } from '../gguf/weight.ts';
import type { BuildContext, Config, Stage, Weights } from './architecture.ts';

/** Options of one layer's attention. */
export interface AttentionOptions {
  readonly rope: Rope;
  readonly factors?: WeightTensor | undefined;
  /** Queries and keys are normalised, head by head, before they are rotated. */
  readonly qkNorm?: boolean;
  readonly scale: number;
  /** Queries are scaled before attention rounds them to float16, not after, as some models are tuned to. */
  readonly scaleFirst?: boolean;
}

/** The product of x (in, n) and the matrix `name` (in, out), plus its bias if the model has one -> (out, n). */
export function linear(context: BuildContext, x: Tensor, name: string, shape: readonly [number, number]): Tensor {
  const { graph, weights } = context;
  const product = graph.matmul(weights(`${name}.weight`, shape), x);
  return weights.has(`${name}.bias`) ? graph.addWeight(product, weights(`${name}.bias`, [shape[1]])) : product;
}

/** RMS norm over the first dimension of x, times the weight `name`. */
export function norm(context: BuildContext, x: Tensor, name: string, epsilon: number): Tensor {
  const { graph, weights } = context;
  return graph.mulWeight(graph.rmsNorm(x, epsilon), weights(`${name}.weight`, x.shape.slice(0, 1)));
}

/** Self-attention of layer `il` with its output projection: x (width, tokens) -> (width, tokens). */
export function selfAttention(
  context: BuildContext,
  x: Tensor,
  layer: { c: Config; il: number },
  options: AttentionOptions,
): Tensor {
  const { graph, batch } = context;
  const { c, il } = layer;
  const qkv = project(context, x, c, il);
  if (options.qkNorm) {
    qkv.q = norm(context, qkv.q, `blk.${il}.attn_q_norm`, c.epsilon);
    qkv.k = norm(context, qkv.k, `blk.${il}.attn_k_norm`, c.epsilon);
  }
  const rotate = (y: Tensor, positions: Tensor): Tensor => graph.rope(y, positions, options.rope, options.factors);
  qkv.q = rotate(qkv.q, batch.positions);
  if (options.scaleFirst) qkv.q = graph.scale(qkv.q, options.scale);
  const attended = batch.attend(il, { ...qkv, rotate }, options.scaleFirst ? 1 : options.scale);
  return linear(context, attended, `blk.${il}.attn_output`, [c.valueLength * c.heads, c.width]);
}

/**
 * Projections of x: q (keyLength, heads, tokens), k (keyLength, kvHeads, tokens), v (valueLength * kvHeads, tokens).
 */
function project(context: BuildContext, x: Tensor, c: Config, il: number): { q: Tensor; k: Tensor; v: Tensor } {
  const { graph, weights } = context;
  const tokens = dimension(x.shape, 1);
  const [queries, keys, values] = [c.keyLength * c.heads, c.keyLength * c.kvHeads, c.valueLength * c.kvHeads];

  if (weights.has(`blk.${il}.attn_qkv.weight`)) {
    const fused = linear(context, x, `blk.${il}.attn_qkv`, [c.width, queries + keys + values]);
    const f32 = 4;
    const stride = (queries + keys + values) * f32;
    const heads = (n: number, from: number): Tensor =>
      graph.view(fused, [c.keyLength, n, tokens], [c.keyLength * f32, stride], from * f32);
    return {
      q: heads(c.heads, 0),
      k: heads(c.kvHeads, queries),
      v: graph.contiguous(graph.view(fused, [values, tokens], [stride], (queries + keys) * f32)),
    };
  }
  const q = linear(context, x, `blk.${il}.attn_q`, [c.width, queries]);
  const k = linear(context, x, `blk.${il}.attn_k`, [c.width, keys]);
  const v = linear(context, x, `blk.${il}.attn_v`, [c.width, values]);
  return {
    q: graph.reshape(q, [c.keyLength, c.heads, tokens]),
    k: graph.reshape(k, [c.keyLength, c.kvHeads, tokens]),
    v,
  };
}

/** The feed-forward layer down(act(gate(x)) * up(x)): x (width, tokens) -> (width, tokens). */
export function feedForward(
  context: BuildContext,
  x: Tensor,
  layer: { c: Config; il: number },
  act: 'silu' | 'gelu',
): Tensor {
  const { graph } = context;
  const { c, il } = layer;
  const gate = linear(context, x, `blk.${il}.ffn_gate`, [c.width, c.feedForward]);
  const up = linear(context, x, `blk.${il}.ffn_up`, [c.width, c.feedForward]);
  const hidden = act === 'silu' ? graph.swiglu(gate, up) : graph.geglu(gate, up);
  return linear(context, hidden, `blk.${il}.ffn_down`, [c.feedForward, c.width]);
}

/** The stages of every decoder: the embedding, one stage per layer, the last norm, and the head. */
export function decoder(c: Config, layer: (il: number) => Stage['build'], embeddingScale = 1): readonly Stage[] {
  const embedding: Stage = {
    name: 'token_embd',
    build: ({ graph, batch }) => {
      const x = batch.embed('token_embd.weight', [c.width, c.vocabulary]);
      return embeddingScale === 1 ? x : graph.scale(x, embeddingScale);
    },
  };
  const layers = Array.from({ length: c.layers }, (_, il) => ({ name: `blk.${il}`, build: layer(il) }));
  return [
    embedding,
    ...layers,
    { name: 'output_norm', build: (context, x) => norm(context, x, 'output_norm', c.epsilon) },
    { name: 'output', build: (context, x) => head(context, x, c) },
  ];
}

/** Logits (vocabulary, outputs) of embeddings. A model without `output.weight` multiplies by its embedding again. */
function head(context: BuildContext, x: Tensor, c: Config): Tensor {
  const { graph, weights } = context;
  const name = weights.has('output.weight') ? 'output' : 'token_embd';
  const logits = linear(context, x, name, [c.width, c.vocabulary]);
  if (c.logitSoftcap === 0) return logits;
  return graph.scale(graph.tanh(graph.scale(logits, 1 / c.logitSoftcap)), c.logitSoftcap);
}

/**
 * The layer of Llama and its many relatives: x + attend(norm(x)), then + feed(norm(x)). The last layer goes on only
 * with the tokens whose logits are asked for.
 */
export function preNormLayer(
  c: Config,
  il: number,
  parts: { attend: Stage['build']; feed: Stage['build'] },
): Stage['build'] {
  return (context, x) => {
    const attended = parts.attend(context, norm(context, x, `blk.${il}.attn_norm`, c.epsilon));
    const [y, residual] = selectOutputs(context, il === c.layers - 1, [attended, x]);
    const middle = context.graph.add(y, residual);
    const fed = parts.feed(context, norm(context, middle, `blk.${il}.ffn_norm`, c.epsilon));
    return context.graph.add(fed, middle);
  };
}

/** The columns of both tensors whose logits are asked for, in the last layer; in others all of them. */
export function selectOutputs(
  context: BuildContext,
  last: boolean,
  [a, b]: readonly [Tensor, Tensor],
): [Tensor, Tensor] {
  return last ? [context.batch.outputs(a), context.batch.outputs(b)] : [a, b];
}

/** Factors that divide rope's frequencies, if the model has them: fixed ones, or a pair for short and long reaches. */
export function ropeFactors(weights: Weights, c: Config, maxDistance: number): WeightTensor | undefined {
  const name = weights.has('rope_freqs.weight')
    ? 'rope_freqs.weight'
    : `rope_factors_${maxDistance > c.rope.originalContext ? 'long' : 'short'}.weight`;
  return weights.has(name) ? weights(name, [c.rope.dims / 2]) : undefined;
}
