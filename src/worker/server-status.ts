import type { EngineStatus } from '../model/engine-status.ts';

/** The state of all engines, at one moment. Sizes are bytes. */
export interface EnginesStatus {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Memory that the server's own process takes. */
  readonly server: { readonly rss: number };
  /** The figures of /metrics at this moment, by their names without "ssdllm_". */
  readonly figures: Readonly<Record<string, number>>;
  /** Requests that have ended, by how. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** The engine that runs; null if none does. */
  readonly engine: RunningEngine | null;
}

/** An engine that runs, and its model. */
export interface RunningEngine extends EngineStatus {
  readonly model: {
    readonly name: string;
    readonly size: number;
    readonly family: string;
    readonly quantization: string;
  };
  /** The time at which it is unloaded if nobody asks, in milliseconds since 1970; null: never, or not while it is used. */
  readonly expires: number | null;
}
