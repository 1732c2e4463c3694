import type { Weight } from '../gguf/weight.ts';

/** A weight that passes read. */
export interface ManifestEntry {
  readonly weight: Weight;
  /** A matrix used once in a pass may stream, and may be cut; other weights are small and stay. */
  readonly streamable: boolean;
  /** A bank (in, out, experts) of which a token uses some, which only its router knows. */
  readonly experts?: { /** The number of the router. */ readonly router: number; readonly used: number };
}
