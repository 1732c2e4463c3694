import { at } from '../base/at.ts';
import { readIntegers } from '../ggml/data.ts';
import type { Pointer } from '../ggml/library.ts';
import { sourceOf, tensorOp, tensorShape, viewSourceOf } from '../ggml/tensor-fields.ts';
import type { Need } from '../pager/block.ts';
import type { ExpertHome } from '../pager/expert-home.ts';
import type { ExpertPool } from '../pager/expert-pool.ts';
import type { Routing } from '../plan/expert-cache.ts';
import type { ExpertTransit } from './expert-transit.ts';

/** A node to be computed. */
export interface PlacedNode {
  readonly node: Pointer;
  /** The place of the node in the graph, or of the one that it stands for; it never falls in the order of computing. */
  readonly index: number;
  /** Experts that the node waits for, and that stay until it has been computed. */
  readonly needs: readonly Need[];
}

/** A pool, and the weights (tensors of a graph that has all experts) that it stands for, in the order of its homes. */
export interface PooledWeights {
  readonly pool: ExpertPool;
  readonly weights: readonly Pointer[];
}

/** A product of a graph that has all experts. */
interface Product {
  readonly node: Pointer;
  readonly index: number;
  readonly home: ExpertHome;
  readonly router: Router;
}

/** The way of this pass's tokens through a pool. */
interface Router {
  readonly pool: ExpertPool;
  /** The experts of each token (used, tokens). */
  readonly ids: Pointer;
  readonly products: Product[];
  routing?: Routing;
}

/** The weights that products of MUL_MAT_ID read, those of each router together, in order of use. */
export function routedWeights(nodes: readonly Pointer[]): readonly (readonly Pointer[])[] {
  const byRouter = new Map<Pointer, Pointer[]>();
  for (const node of nodes) {
    if (tensorOp(node) !== 'MUL_MAT_ID') continue;
    const [weight, ids] = [sourceOf(node, 0), sourceOf(node, 2)];
    byRouter.set(ids, [...(byRouter.get(ids) ?? []), weight]);
  }
  return [...byRouter.values()];
}

/**
 * Replaces the products of a graph that has all experts by such of experts in slots, where the graph's own nodes find
 * their results. Nothing of the graph is changed.
 */
export class ExpertSteps {
  readonly #transit: ExpertTransit;
  readonly #homes: ReadonlyMap<Pointer, { readonly pool: ExpertPool; readonly home: ExpertHome }>;

  constructor(pools: readonly PooledWeights[], transit: ExpertTransit) {
    this.#transit = transit;
    this.#homes = new Map(
      pools.flatMap(({ pool, weights }) =>
        weights.map((weight, i) => [weight, { pool, home: at(pool.homes, i) }] as const),
      ),
    );
  }

  /**
   * Divides the nodes of a graph into groups that may be computed at once. Each is asked for when the one before has been
   * computed: a group ends where a router has named its experts, and where the next products have to wait for some. Those
   * in slots are computed first, while others are read. Throws a RangeError for ids that are no experts.
   */
  *divide(nodes: readonly Pointer[]): Generator<readonly PlacedNode[], void> {
    const { products, routers } = this.#plan(nodes);
    let group: PlacedNode[] = [];
    /** The router whose slots are those of a whole batch: there is memory for one. */
    let whole: Router | undefined;
    const next = (): void => {
      this.#transit.clear();
      group = [];
      whole = undefined;
    };
    for (const router of routers.get(-1) ?? []) this.#route(router);
    for (let i = 0; i < nodes.length; i += 1) {
      const bundle = this.#bundle(products, i);
      const [first] = bundle;
      if (first) {
        const { rounds } = this.#routingOf(first.router);
        for (const [round, { loads }] of rounds.entries()) {
          const waits = round > 0 || loads.length > 0 || (whole !== undefined && whole !== first.router);
          if (waits && group.length > 0) {
            yield group;
            next();
          }
          group.push(...this.#compute(bundle, round));
        }
        if (rounds.length === 1) whole = first.router;
        i = at(bundle, bundle.length - 1).index;
      } else group.push({ node: at(nodes, i), index: i, needs: [] });
      const routed = routers.get(i);
      if (!routed) continue;
      yield group;
      next();
      for (const router of routed) this.#route(router);
    }
    if (group.length > 0) yield group;
    this.#transit.clear();
  }

  /** The products by the index of their node, and the routers by the index of the node that says their experts. */
  #plan(nodes: readonly Pointer[]) {
    const products = new Map<number, Product>();
    const byPool = new Map<ExpertPool, Router>();
    const routers = new Map<number, Router[]>();
    for (const [index, node] of nodes.entries()) {
      if (tensorOp(node) !== 'MUL_MAT_ID') continue;
      const pooled = this.#homes.get(sourceOf(node, 0));
      if (!pooled) continue;
      const ids = sourceOf(node, 2);
      let router = byPool.get(pooled.pool);
      if (!router) {
        router = { pool: pooled.pool, ids, products: [] };
        byPool.set(pooled.pool, router);
        const source = Math.max(nodes.lastIndexOf(ids, index), nodes.lastIndexOf(viewSourceOf(ids), index));
        routers.set(source, [...(routers.get(source) ?? []), router]);
      }
      if (router.ids !== ids) throw new Error('the matrices of a pool have different routers');
      const product = { node, index, home: pooled.home, router };
      router.products.push(product);
      products.set(index, product);
    }
    for (const { pool, products } of byPool.values()) {
      const used = new Set(products.map(({ home }) => home));
      if (used.size !== pool.homes.length || used.size !== products.length) {
        throw new Error('each matrix of a pool is used once in a pass');
      }
    }
    return { products, routers };
  }

  /** The product at `index`, and those right behind it of the same inputs: their rounds are computed together. */
  #bundle(products: ReadonlyMap<number, Product>, index: number): readonly Product[] {
    const bundle: Product[] = [];
    for (let product = products.get(index); product; product = products.get(index + bundle.length)) {
      const [first = product] = bundle;
      if (product.router !== first.router || sourceOf(product.node, 1) !== sourceOf(first.node, 1)) break;
      bundle.push(product);
    }
    return bundle;
  }

  /** Nodes that compute a round of products. */
  #compute(bundle: readonly Product[], round: number): readonly PlacedNode[] {
    const { router, index } = at(bundle, 0);
    const { rounds } = this.#routingOf(router);
    const products = bundle.map(({ node, home }) => ({ node, slots: home.matrix.tensor }));
    const make = rounds.length === 1 ? this.#transit.whole : this.#transit.round;
    const needs = bundle.map(({ home }): Need => ({ home, blocks: () => [round] }));
    // All nodes of a round are computed at once: the first one has their needs.
    return make
      .call(this.#transit, products, at(rounds, round))
      .map((node, i) => ({ node, index, needs: i === 0 ? needs : [] }));
  }

  #route(router: Router): void {
    const [used] = tensorShape(router.ids) as [number];
    router.routing = router.pool.route({ ids: readIntegers(router.ids), used, pairs: this.#transit.pairs });
  }

  #routingOf({ routing }: Router): Routing {
    if (!routing) throw new Error('a product comes before its router');
    return routing;
  }
}
