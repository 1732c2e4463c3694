import type { EngineStatus } from '../model/engine-status.ts';

/** The data that the page of a benchmark shows. */
export interface BenchPageData {
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly model: string;
  /** The engine after the last token. */
  readonly engine: EngineStatus;
  /** The table of the benchmark: the machine, the model, and the figures that were measured. */
  readonly rows: readonly (readonly [name: string, found: string])[];
}
