import { at } from '../src/base/at.ts';
import { Random } from './random.ts';

/** The inputs of a layer's router (width, tokens), as consecutive tokens of a text have them. */
export interface RouterInputs {
  readonly width: number;
  readonly values: Float32Array;
}

export interface RouterOptions {
  readonly experts: number;
  /** Experts of a token. */
  readonly used: number;
  readonly seed: string;
}

/** The experts of each token. */
export type Routes = readonly (readonly number[])[];

/** How unequally experts are used. */
export interface Skew {
  /** The shares of uses that go to the most used tenth, and quarter, of the experts. */
  readonly tenth: number;
  readonly quarter: number;
  /** The share of a token's experts that the token before it used, too. */
  readonly overlap: number;
}

/** The number of experts that are a part of all. */
const countOf = (part: number, experts: number): number => Math.max(1, Math.round(part * experts));

/** Measures the skew of the routes of consecutive tokens. */
export function skewOf(routes: Routes, experts: number): Skew {
  const uses = new Uint32Array(experts);
  let again = 0;
  for (const [i, route] of routes.entries()) {
    const before = routes[i - 1] ?? [];
    again += route.filter((expert) => before.includes(expert)).length;
    for (const expert of route) uses[expert] = at(uses, expert) + 1;
  }
  const all = routes.flat().length;
  const sorted = uses.sort().reverse();
  const share = (part: number): number =>
    sorted.subarray(0, countOf(part, experts)).reduce((sum, n) => sum + n, 0) / all;
  return { tenth: share(0.1), quarter: share(0.25), overlap: again / (all - at(routes, 0).length) };
}

const dot = (a: Float32Array, b: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] as number) * (b[i] as number);
  return sum;
};

const rowsOf = (values: Float32Array, width: number): readonly Float32Array[] =>
  Array.from({ length: values.length / width }, (_, row) => values.subarray(row * width, (row + 1) * width));

/** Mean and deviation of each element; elements that never change get the mean deviation. */
function spreadOf(tokens: readonly Float32Array[], width: number) {
  const mean = new Float32Array(width);
  for (const token of tokens) for (const [i, v] of token.entries()) mean[i] = at(mean, i) + v / tokens.length;
  const squares = new Float64Array(width);
  for (const token of tokens)
    for (const [i, v] of token.entries()) squares[i] = at(squares, i) + (v - at(mean, i)) ** 2;
  const typical = squares.reduce((sum, square) => sum + square, 0) / width;
  return { mean, deviation: squares.map((square) => Math.sqrt((square || typical) / tokens.length)) };
}

/** Random numbers in a random order: the rank of each. */
function shuffled(random: Random, count: number): readonly number[] {
  const words = random.words(count);
  const order = Array.from(words.keys()).sort((a, b) => at(words, a) - at(words, b));
  const ranks = new Array<number>(count);
  for (const [rank, i] of order.entries()) ranks[i] = rank;
  return ranks;
}

/**
 * A router whose experts are popular by Zipf's law. An expert's score is a random direction of what tells tokens apart,
 * and its popularity, `steepness` times the logarithm of its rank; a router has no bias, so that comes along the mean of
 * the inputs.
 */
export class SkewedRouter {
  readonly #options: RouterOptions;
  readonly #mean: Float32Array;
  readonly #ranks: readonly number[];
  /** For each expert: its direction, what that makes of the mean input, and of each token. */
  readonly #directions: readonly Float32Array[];
  readonly #ofMean: readonly number[];
  readonly #ofTokens: readonly Float32Array[];
  /** Each token along the mean: about 1. */
  readonly #alongMean: Float32Array;

  constructor({ width, values }: RouterInputs, options: RouterOptions) {
    const { experts, seed } = options;
    const random = new Random(seed);
    const tokens = rowsOf(values, width);
    const { mean, deviation } = spreadOf(tokens, width);
    // Scores have a deviation of about 1.
    const directions = random
      .floats(width * experts, { mean: 0, deviation: 1 / Math.sqrt(width) })
      .map((v, i) => v / at(deviation, i % width));
    this.#options = options;
    this.#mean = mean;
    this.#ranks = shuffled(random, experts);
    this.#directions = rowsOf(directions, width);
    this.#ofMean = this.#directions.map((direction) => dot(direction, mean));
    this.#ofTokens = this.#directions.map((direction) => Float32Array.from(tokens, (token) => dot(direction, token)));
    this.#alongMean = Float32Array.from(tokens, (token) => dot(mean, token) / dot(mean, mean));
  }

  #popularity(expert: number, steepness: number): number {
    return -steepness * Math.log(at(this.#ranks, expert) + 1) - at(this.#ofMean, expert);
  }

  /** The experts of the inputs. */
  routes(steepness: number): Routes {
    const { experts, used } = this.#options;
    const all = Array.from({ length: experts }, (_, expert) => expert);
    const popularity = all.map((expert) => this.#popularity(expert, steepness));
    return Array.from(this.#alongMean, (along, token) => {
      const scores = this.#ofTokens.map((scores, e) => at(scores, token) + at(popularity, e) * along);
      return all.toSorted((a, b) => at(scores, b) - at(scores, a)).slice(0, used);
    });
  }

  /** The weights (width, experts). */
  weights(steepness: number): Float32Array {
    const square = dot(this.#mean, this.#mean);
    const rows = this.#directions.map((direction, expert) => {
      const along = this.#popularity(expert, steepness) / square;
      return direction.map((v, i) => v + along * at(this.#mean, i));
    });
    const weights = new Float32Array(rows.length * this.#mean.length);
    for (const [expert, row] of rows.entries()) weights.set(row, expert * row.length);
    return weights;
  }
}

/** Deeper layers have more of a favourite: from 0.7 to 1.3 times as steep. */
const steepnessAt = (steepness: number, layer: number, layers: number): number =>
  steepness * (0.7 + (0.6 * layer) / Math.max(1, layers - 1));

/**
 * The share of the most used quarter in published traces of real mixtures. Other published shares come out near:
 * with 128 experts, 6 of which are used, the hottest tenth has 0.66 (0.58 to 0.60), 0.37 of a token's experts are as
 * before (0.36 to 0.38).
 */
const realQuarter = 0.85;

/** The weights of the routers of all layers, as skewed on these inputs as those of real mixtures; and how much so. */
export function fitRouters(
  inputs: readonly RouterInputs[],
  options: RouterOptions,
): { readonly weights: readonly Float32Array[]; readonly skews: readonly Skew[] } {
  const routers = inputs.map((input, il) => new SkewedRouter(input, { ...options, seed: `${options.seed}/${il}` }));
  const skewsAt = (steepness: number): readonly Skew[] =>
    routers.map((router, il) => skewOf(router.routes(steepnessAt(steepness, il, routers.length)), options.experts));
  // Where a token uses more experts than a quarter of them, that cannot have all uses.
  const wanted = realQuarter * Math.min(1, countOf(0.25, options.experts) / options.used);
  let [least, most] = [0, 3];
  while (most - least > 0.01) {
    const middle = (least + most) / 2;
    const quarter = skewsAt(middle).reduce((sum, skew) => sum + skew.quarter, 0) / routers.length;
    if (quarter < wanted) least = middle;
    else most = middle;
  }
  return {
    weights: routers.map((router, il) => router.weights(steepnessAt(most, il, routers.length))),
    skews: skewsAt(most),
  };
}
