/** A file of a store. */
export interface Blob {
  readonly path: string;
  /** Milliseconds since it was written. */
  readonly age: number;
}

/** Milliseconds after which a blob that no model names waits for no model's manifest any more. */
const abandoned = 24 * 3_600_000;

/**
 * The paths of blobs that nobody needs: no manifest names them, and either a model that is gone now had them, or they were
 * left behind long ago.
 */
export const unneededBlobs = (
  blobs: readonly Blob[],
  { named, dropped }: { readonly named: ReadonlySet<string>; readonly dropped: ReadonlySet<string> },
): readonly string[] =>
  blobs.filter(({ path, age }) => !named.has(path) && (dropped.has(path) || age > abandoned)).map(({ path }) => path);
