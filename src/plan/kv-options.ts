/** Types that keys and values may be stored as, by ggml's names. */
export const kvTypes = ['f16', 'q8_0', 'q4_0'] as const;
/**
 * A type of keys and values.
 *
 * @example const type: KvType = 'q8_0';
 */
export type KvType = (typeof kvTypes)[number];

/**
 * Attention to the last tokens, the query's own included, and to the first ones of all, the sinks.
 *
 * @example const window: Window = { tokens: 4096, sinks: 4 };
 */
export interface Window {
  readonly tokens: number;
  readonly sinks: number;
}

/**
 * The longest text with a window, in tokens. Positions are float32 in the kernels: at 2^20 an angle is off by 0.06 at
 * most.
 */
export const maxWindowedTokens: number = 2 ** 20;

/** The place where a layer's keys and values live. */
export type KvHome = 'ram' | 'ssd';

/** Places to ask for: `auto` is memory, and the SSD for layers that would crowd out the weights. */
export const kvHomeOptions = ['auto', 'ram', 'ssd'] as const;
/**
 * A place for keys and values to ask for.
 *
 * @example const home: KvHomeOption = 'ssd';
 */
export type KvHomeOption = (typeof kvHomeOptions)[number];

/**
 * Options for keys and values.
 *
 * @example const kv: KvOptions = { type: 'q8_0', home: 'ssd', folder: '/var/cache' };
 */
export interface KvOptions {
  /** Default: f16. */
  readonly type?: KvType | undefined;
  /** Default: every token sees all before it. */
  readonly window?: Window | undefined;
  /** Default: auto. */
  readonly home?: KvHomeOption | undefined;
  /** A folder on the SSD; by default the system's for temporary files. */
  readonly folder?: string | undefined;
}
