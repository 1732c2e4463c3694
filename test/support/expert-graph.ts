import { writeFileSync } from 'node:fs';
import { quantize } from '../../bench/quantize.ts';
import { at } from '../../src/base/at.ts';
import { Disposer } from '../../src/base/disposer.ts';
import { GraphAllocator } from '../../src/ggml/allocator.ts';
import { loadGgml } from '../../src/ggml/api.ts';
import { Context } from '../../src/ggml/context.ts';
import type { Device } from '../../src/ggml/device.ts';
import { F32, type Graph } from '../../src/ggml/graph.ts';
import { HostMemory } from '../../src/ggml/host-memory.ts';
import { loadLibraries, type Pointer } from '../../src/ggml/library.ts';
import { ReusedGraph } from '../../src/ggml/reused-graph.ts';
import { TensorSet } from '../../src/ggml/tensor-set.ts';
import { elementCount, type Weight } from '../../src/gguf/weight.ts';
import { floatsOf, noise, setTensor } from './tensors.ts';
import { weightOf } from './weights.ts';

export interface MixtureOptions {
  readonly experts: number;
  readonly used: number;
  readonly width: number;
  readonly hidden: number;
  /** Types of gate and up, and of down. */
  readonly types: readonly [string, string];
  readonly layers: number;
  /**
   * The way in which a layer is unusual: "inputs": gate and up have other inputs; "between": a node comes between gate and
   * up; "routers": all layers are routed before the first one is computed.
   */
  readonly unlike?: 'inputs' | 'between' | 'routers';
}

/** Matrices of a layer in the order of their use. */
const names = ['gate', 'up', 'down'] as const;

/**
 * A mixture of experts made up for tests: its weights lie in a file, one after the other, and in tensors in memory. Each
 * layer has a router, and adds the results of the experts of a token; the last layer computes the last token only.
 */
export class TestMixture implements Disposable {
  readonly options: MixtureOptions;
  /** Weights by layer, and their tensors, in the order of `names`. */
  readonly weights: readonly (readonly Weight[])[];
  readonly tensors: readonly (readonly Pointer[])[];
  readonly #routers: readonly Pointer[];
  readonly #owner: Disposer = new Disposer();
  readonly #memory: HostMemory;

  constructor(path: string, options: MixtureOptions) {
    this.options = options;
    const { experts, width, hidden, types, layers } = options;
    // The first bytes of a file are its header.
    let end = 160;
    const add = (name: string, type: string, shape: readonly number[]): Weight => {
      const weight = weightOf(name, type, shape, end);
      end = Math.ceil((end + weight.extent.length) / 32) * 32;
      return weight;
    };
    this.weights = Array.from({ length: layers }, (_, layer) =>
      names.map((name) =>
        name === 'down'
          ? add(`${name} ${layer}`, types[1], [hidden, width, experts])
          : add(`${name} ${layer}`, types[0], [width, hidden, experts]),
      ),
    );
    this.#memory = this.#owner.use(new HostMemory(end, 'a test'));
    const set = this.#owner.use(new TensorSet(layers * 4));
    this.tensors = this.weights.map((matrices, layer) =>
      matrices.map(({ type, shape, extent }, i) => {
        const values = noise(elementCount(shape), 1 + 10 * layer + i).map((value) => value / Math.sqrt(at(shape, 0)));
        this.#memory.view(extent.offset, extent.length).set(quantize(type, values, at(shape, 0)));
        const tensor = set.add(type.id, shape);
        this.#memory.place(tensor, extent.offset);
        return tensor;
      }),
    );
    this.#routers = this.weights.map((_, layer) => {
      const router = set.add(F32, [width, experts]);
      this.#owner.use(new HostMemory(4 * width * experts, 'a test')).place(router, 0);
      setTensor({ pointer: router }, noise(width * experts, 100 + layer));
      return router;
    });
    writeFileSync(path, this.#memory.view(0, end));
    this.bytes = end;
  }

  /** Bytes of the file. */
  readonly bytes: number;

  /** Makes rubbish of the experts in memory: they have to come from the file. */
  spoil(): void {
    for (const { extent } of this.weights.flat()) this.#memory.view(extent.offset, extent.length).fill(0xff);
  }

  graph(tokens: number): MixtureGraph {
    return new MixtureGraph(this.options, { experts: this.tensors, routers: this.#routers, tokens });
  }

  [Symbol.dispose](): void {
    this.#owner[Symbol.dispose]();
  }
}

/** The graph of a `TestMixture` for so many tokens. */
export class MixtureGraph implements Disposable {
  readonly nodes: readonly Pointer[];
  readonly #width: number;
  readonly #tokens: number;
  readonly #input: Pointer;
  readonly #output: Pointer;
  readonly #owner: Disposer = new Disposer();

  constructor(
    { width, experts, used, layers, unlike }: MixtureOptions,
    {
      experts: weights,
      routers,
      tokens,
    }: { experts: readonly (readonly Pointer[])[]; routers: readonly Pointer[]; tokens: number },
  ) {
    const api = loadGgml();
    const argsort = loadLibraries().base.func('void *ggml_argsort(void *, void *, int)');
    const { pointer: context } = this.#owner.use(new Context(2 ** 20));
    this.#width = width;
    this.#tokens = tokens;
    this.#input = api.ggml_new_tensor_4d(context, F32, width, tokens, 1, 1);
    api.ggml_set_input(this.#input);
    const route = (layer: number, x: Pointer, n: number): Pointer => {
      const sorted = argsort(context, api.ggml_mul_mat(context, at(routers, layer), x), 1) as Pointer;
      return api.ggml_view_2d(context, sorted, used, n, 4 * experts, 0);
    };
    let x = this.#input;
    const early = unlike === 'routers' ? weights.map((_, layer) => route(layer, x, tokens)) : undefined;
    for (let layer = 0; layer < layers; layer += 1) {
      const [gate, up, down] = at(weights, layer) as readonly [Pointer, Pointer, Pointer];
      const isLast = layer === layers - 1 && !early;
      const n = isLast ? 1 : tokens;
      if (isLast) x = api.ggml_view_2d(context, x, width, 1, 4 * width, 4 * width * (tokens - 1));
      x = api.ggml_rms_norm(context, x, 1e-5);
      const inputs = api.ggml_reshape_3d(context, x, width, 1, n);
      // The router has these inputs, too, so that their nodes come before gate's.
      const others = unlike === 'inputs' ? api.ggml_rms_norm(context, inputs, 0.5) : inputs;
      const ids = early ? at(early, layer) : route(layer, unlike === 'inputs' ? others : x, n);
      const a = api.ggml_mul_mat_id(context, gate, inputs, ids);
      const b = api.ggml_mul_mat_id(context, up, others, ids);
      const gated = unlike === 'between' ? api.ggml_rms_norm(context, a, 1e-5) : a;
      const product = api.ggml_mul_mat_id(context, down, api.ggml_swiglu_split(context, gated, b), ids);
      for (let rank = 0; rank < used; rank += 1) {
        const part = api.ggml_view_2d(context, product, width, n, 4 * width * used, 4 * width * rank);
        x = api.ggml_add(context, x, part);
      }
    }
    this.#output = x;
    api.ggml_set_output(x);
    const graph = api.ggml_new_graph_custom(context, 512, false);
    for (const ids of early ?? []) api.ggml_build_forward_expand(graph, ids);
    api.ggml_build_forward_expand(graph, x);
    this.#owner.use(new GraphAllocator()).allocate({ pointer: graph } as Graph);
    this.nodes = Array.from({ length: api.ggml_graph_n_nodes(graph) }, (_, i) => api.ggml_graph_node(graph, i));
  }

  set input(values: Float32Array) {
    setTensor({ pointer: this.#input }, values);
  }

  /** Inputs that look random. */
  fill(seed: number): void {
    this.input = noise(this.#width * this.#tokens, seed);
  }

  get output(): Float32Array {
    return floatsOf({ pointer: this.#output, shape: [this.#width] });
  }

  [Symbol.dispose](): void {
    this.#owner[Symbol.dispose]();
  }
}

/** Computes nodes in their order. */
export async function computeNodes(device: Device, nodes: readonly Pointer[]): Promise<void> {
  using graph = new ReusedGraph();
  await device.compute(graph.of(nodes));
}
