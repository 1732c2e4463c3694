import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { readIntegers } from '../ggml/data.ts';
import type { Pointer } from '../ggml/library.ts';
import { sourceOf, tensorOp, tensorShape } from '../ggml/tensor-fields.ts';
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

/** A product of a graph that has all experts, the `index`-th node. */
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

/**
 * Replaces the products of graphs that have all experts by such of experts in slots, which write to the same data.
 * Nothing of a graph is changed.
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
   * Finds the routers of a graph, and the products of experts that are in pools; errors name the model's `file`. Throws
   * GRAPH_FAILED for a graph that uses experts in another way.
   */
  plan(nodes: readonly Pointer[], file: string): RoutedGraph {
    const fail = (reason: string): never => {
      throw new EngineError('GRAPH_FAILED', { file, reason });
    };
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
        const named = nodes.lastIndexOf(ids, index);
        routers.set(named, [...(routers.get(named) ?? []), router]);
      }
      if (router.ids !== ids) fail('matrices of the same experts have different routers');
      const product = { node, index, home: pooled.home, router };
      router.products.push(product);
      products.set(index, product);
    }
    for (const { pool, products } of byPool.values()) {
      const used = new Set(products.map(({ home }) => home));
      if (used.size !== pool.homes.length || used.size !== products.length) {
        fail('a matrix of experts is used twice, or not at all');
      }
    }
    return new RoutedGraph({ file, nodes, bundles: bundlesOf(products), routers, transit: this.#transit });
  }
}

/** Products that follow each other with the same experts and inputs, whose rounds are computed together, by index of the first. */
function bundlesOf(products: ReadonlyMap<number, Product>): ReadonlyMap<number, readonly Product[]> {
  const bundles = new Map<number, Product[]>();
  let bundle: Product[] = [];
  for (const [index, product] of products) {
    const [first] = bundle;
    const follows =
      first?.router === product.router &&
      sourceOf(first.node, 1) === sourceOf(product.node, 1) &&
      index === first.index + bundle.length;
    if (!follows) {
      bundle = [];
      bundles.set(index, bundle);
    }
    bundle.push(product);
  }
  return bundles;
}

interface RoutedGraphParts {
  readonly file: string;
  readonly nodes: readonly Pointer[];
  readonly bundles: ReadonlyMap<number, readonly Product[]>;
  /** Routers by the index of the node that names their experts; -1 where these are inputs. */
  readonly routers: ReadonlyMap<number, readonly Router[]>;
  readonly transit: ExpertTransit;
}

/** A graph of which the experts are in pools. */
export class RoutedGraph {
  readonly nodes: readonly Pointer[];
  /** Nodes that a new group may begin with. */
  readonly cuts: readonly number[];
  readonly #parts: RoutedGraphParts;

  constructor(parts: RoutedGraphParts) {
    const { nodes, bundles, routers } = parts;
    this.nodes = nodes;
    this.#parts = parts;
    this.cuts = [...bundles.keys(), ...[...routers.keys()].map((index) => index + 1)].sort((a, b) => a - b);
  }

  /**
   * Groups of nodes that may be computed at once. Each is asked for when the one before has been computed: a group ends
   * where a router has named its experts, and where the next products have to wait for some. Those in slots are computed
   * first, while others are read. The tokens belong to `texts`. Throws NOT_FINITE where a router names no experts.
   */
  *groups(texts: number): Generator<readonly PlacedNode[], void> {
    const { bundles, routers, transit } = this.#parts;
    let group: PlacedNode[] = [];
    /** The router whose slots are those of a whole batch: there is memory for one. */
    let whole: Router | undefined;
    const next = (): void => {
      transit.clear();
      group = [];
      whole = undefined;
    };
    for (const router of routers.get(-1) ?? []) this.#route(router, texts);
    for (let i = 0; i < this.nodes.length; i += 1) {
      const bundle = bundles.get(i);
      if (bundle) {
        const { router } = at(bundle, 0);
        const { rounds } = routingOf(router);
        for (const [round, { loads }] of rounds.entries()) {
          const waits = round > 0 || loads.length > 0 || (whole !== undefined && whole !== router);
          if (waits && group.length > 0) {
            yield group;
            next();
          }
          group.push(...this.#compute(bundle, round));
        }
        if (rounds.length === 1) whole = router;
        i += bundle.length - 1;
      } else group.push({ node: at(this.nodes, i), index: i, needs: [] });
      const routed = routers.get(i);
      if (!routed) continue;
      yield group;
      next();
      for (const router of routed) this.#route(router, texts);
    }
    if (group.length > 0) yield group;
    transit.clear();
  }

  /** A graph of some nodes of a group, until the next one is asked for. */
  graphOf(nodes: readonly Pointer[]): Pointer {
    return this.#parts.transit.graphOf(nodes);
  }

  /** Nodes that compute a round of products. */
  #compute(bundle: readonly Product[], round: number): readonly PlacedNode[] {
    const { transit } = this.#parts;
    const { router, index } = at(bundle, 0);
    const { rounds } = routingOf(router);
    const products = bundle.map(({ node, home }) => ({ node, slots: home.matrix.tensor }));
    const make = rounds.length === 1 ? transit.whole : transit.round;
    const needs = bundle.map(({ home }): Need => ({ home, blocks: () => [round] }));
    // All nodes of a round are computed at once: the first one has their needs.
    return make
      .call(transit, products, at(rounds, round))
      .map((node, i) => ({ node, index, needs: i === 0 ? needs : [] }));
  }

  #route(router: Router, texts: number): void {
    const { pool } = router;
    const ids = readIntegers(router.ids);
    if (!ids.every((id) => id >= 0 && id < pool.cache.experts)) {
      throw new EngineError('NOT_FINITE', { file: this.#parts.file });
    }
    const used = at(tensorShape(router.ids), 0);
    router.routing = pool.route({ ids, used, pairs: this.#parts.transit.pairs, texts });
  }
}

function routingOf({ routing }: Router): Routing {
  if (!routing) throw new Error('a product comes before its router');
  return routing;
}
