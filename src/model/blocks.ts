import type { Tensor, WeightTensor } from '../ggml/graph.ts';
import type { Rope } from '../ggml/rope.ts';
import type { Config, Site, Stage, Weights } from './architecture.ts';

/** How one layer attends. */
export interface AttentionOptions {
  readonly rope: Rope;
  readonly factors?: WeightTensor | undefined;
  /** Queries and keys are normalised, head by head, before they are rotated. */
  readonly qkNorm?: boolean;
  readonly scale: number;
  /** Queries are scaled before attention rounds them to float16, not after: what some models are tuned to. */
  readonly scaleFirst?: boolean;
}

/** x (in, n) times the matrix `name` (in, out), plus its bias if the model has one -> (out, n). */
export function linear(site: Site, x: Tensor, name: string, shape: readonly [number, number]): Tensor {
  const { graph, weights } = site;
  const product = graph.matmul(weights(`${name}.weight`, shape), x);
  return weights.has(`${name}.bias`) ? graph.addWeight(product, weights(`${name}.bias`, [shape[1]])) : product;
}

/** RMS norm over the first dimension of x, times the weight `name`. */
export function norm(site: Site, x: Tensor, name: string, epsilon: number): Tensor {
  const { graph, weights } = site;
  return graph.mulWeight(graph.rmsNorm(x, epsilon), weights(`${name}.weight`, x.shape.slice(0, 1)));
}

/** Self-attention of layer `il` with its output projection: x (width, tokens) -> (width, tokens). */
export function attention(site: Site, x: Tensor, layer: { c: Config; il: number }, options: AttentionOptions): Tensor {
  const { graph, batch } = site;
  const { c, il } = layer;
  const qkv = project(site, x, c, il);
  if (options.qkNorm) {
    qkv.q = norm(site, qkv.q, `blk.${il}.attn_q_norm`, c.epsilon);
    qkv.k = norm(site, qkv.k, `blk.${il}.attn_k_norm`, c.epsilon);
  }
  const rotate = (y: Tensor, positions: Tensor): Tensor => graph.rope(y, positions, options.rope, options.factors);
  qkv.q = rotate(qkv.q, batch.positions);
  if (options.scaleFirst) qkv.q = graph.scale(qkv.q, options.scale);
  const attended = batch.attend(il, { ...qkv, rotate }, options.scaleFirst ? 1 : options.scale);
  return linear(site, attended, `blk.${il}.attn_output`, [c.valueLength * c.heads, c.width]);
}

/** q (keyLength, heads, tokens), k (keyLength, kvHeads, tokens), v (valueLength * kvHeads, tokens). */
function project(site: Site, x: Tensor, c: Config, il: number): { q: Tensor; k: Tensor; v: Tensor } {
  const { graph, weights } = site;
  const tokens = x.shape[1] ?? 1;
  const [queries, keys, values] = [c.keyLength * c.heads, c.keyLength * c.kvHeads, c.valueLength * c.kvHeads];

  if (weights.has(`blk.${il}.attn_qkv.weight`)) {
    const fused = linear(site, x, `blk.${il}.attn_qkv`, [c.width, queries + keys + values]);
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
  const q = linear(site, x, `blk.${il}.attn_q`, [c.width, queries]);
  const k = linear(site, x, `blk.${il}.attn_k`, [c.width, keys]);
  const v = linear(site, x, `blk.${il}.attn_v`, [c.width, values]);
  return {
    q: graph.reshape(q, [c.keyLength, c.heads, tokens]),
    k: graph.reshape(k, [c.keyLength, c.kvHeads, tokens]),
    v,
  };
}

/** down(act(gate(x)) * up(x)): x (width, tokens) -> (width, tokens). */
export function feedForward(site: Site, x: Tensor, layer: { c: Config; il: number }, act: 'silu' | 'gelu'): Tensor {
  const { graph } = site;
  const { c, il } = layer;
  const gate = linear(site, x, `blk.${il}.ffn_gate`, [c.width, c.feedForward]);
  const up = linear(site, x, `blk.${il}.ffn_up`, [c.width, c.feedForward]);
  const hidden = act === 'silu' ? graph.swiglu(gate, up) : graph.geglu(gate, up);
  return linear(site, hidden, `blk.${il}.ffn_down`, [c.feedForward, c.width]);
}

/** The embedding, one stage per layer, and the head: what every decoder is made of. */
export function decoder(c: Config, layer: (il: number) => Stage['build'], embeddingScale = 1): readonly Stage[] {
  const embedding: Stage = {
    name: 'token_embd',
    build: ({ graph, batch }) => {
      const x = batch.embed('token_embd.weight', [c.width, c.vocabulary]);
      return embeddingScale === 1 ? x : graph.scale(x, embeddingScale);
    },
  };
  const layers = Array.from({ length: c.layers }, (_, il) => ({ name: `blk.${il}`, build: layer(il) }));
  return [embedding, ...layers, { name: 'output', build: (site, x) => head(site, x, c) }];
}

/** Logits (vocabulary, outputs). A model without `output.weight` multiplies by its embedding again. */
function head(site: Site, x: Tensor, c: Config): Tensor {
  const { graph, weights } = site;
  const name = weights.has('output.weight') ? 'output' : 'token_embd';
  const logits = linear(site, norm(site, x, 'output_norm', c.epsilon), name, [c.width, c.vocabulary]);
  if (c.logitSoftcap === 0) return logits;
  return graph.scale(graph.tanh(graph.scale(logits, 1 / c.logitSoftcap)), c.logitSoftcap);
}

/**
 * x + attend(norm(x)), then + feed(norm(x)): the layer of Llama and its many relatives. The last layer goes on with
 * those tokens only whose logits are asked for.
 */
export function preNormLayer(
  c: Config,
  il: number,
  parts: { attend: Stage['build']; feed: Stage['build'] },
): Stage['build'] {
  return (site, x) => {
    const attended = parts.attend(site, norm(site, x, `blk.${il}.attn_norm`, c.epsilon));
    const [y, residual] = keepOutputs(site, il === c.layers - 1, [attended, x]);
    const middle = site.graph.add(y, residual);
    const fed = parts.feed(site, norm(site, middle, `blk.${il}.ffn_norm`, c.epsilon));
    return site.graph.add(fed, middle);
  };
}

/** In the last layer, of both tensors the columns whose logits are asked for. */
export function keepOutputs(site: Site, last: boolean, [a, b]: readonly [Tensor, Tensor]): [Tensor, Tensor] {
  return last ? [site.batch.outputs(a), site.batch.outputs(b)] : [a, b];
}

/** What divides rope's frequencies, if the model brings such factors: fixed ones, or a pair for short and long reaches. */
export function ropeFactors(weights: Weights, c: Config, reach: number): WeightTensor | undefined {
  const name = weights.has('rope_freqs.weight')
    ? 'rope_freqs.weight'
    : `rope_factors_${reach > c.rope.originalContext ? 'long' : 'short'}.weight`;
  return weights.has(name) ? weights(name, [c.rope.dims / 2]) : undefined;
}
