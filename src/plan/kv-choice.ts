/** What keys and values may be stored as: ggml's names. */
export const kvTypes = ['f16', 'q8_0', 'q4_0'] as const;
export type KvType = (typeof kvTypes)[number];

/** Attention to the last tokens, the query's own included, and to the first ones of all, the sinks. */
export interface Window {
  readonly tokens: number;
  readonly sinks: number;
}

/** What a text with a window may grow to. Positions are float32 in the kernels: at 2^20 an angle is off by 0.06 at most. */
export const mostTokens: number = 2 ** 20;

/** Where a layer's keys and values live. */
export type KvHome = 'ram' | 'ssd';

/** Where they may be wanted: `auto` is memory, and the SSD for what would crowd out the weights. */
export const kvHomes = ['auto', 'ram', 'ssd'] as const;
export type WantedHome = (typeof kvHomes)[number];

/** How keys and values are kept. */
export interface KvOptions {
  /** Left out: f16. */
  readonly type?: KvType | undefined;
  /** Left out: every token sees all before it. */
  readonly window?: Window | undefined;
  /** Left out: auto. */
  readonly home?: WantedHome | undefined;
  /** A folder on the SSD; left out, the system's for temporary files. */
  readonly folder?: string | undefined;
}
