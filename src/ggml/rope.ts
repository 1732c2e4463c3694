/** Parameters of `ggml_rope_ext`. */
export interface Rope {
  readonly dims: number;
  readonly mode: number;
  readonly originalContext: number;
  readonly base: number;
  readonly scale: number;
  readonly extFactor: number;
  readonly attnFactor: number;
  readonly betaFast: number;
  readonly betaSlow: number;
}
