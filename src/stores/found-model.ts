import type { Preset } from '../model/preset.ts';

/** A model that lies somewhere. Its header has not been read. */
export interface FoundModel {
  /** The first file of a split model, or the only one. */
  readonly path: string;
  /** A text that a name can be made of: the name of the file, without part and ending. */
  readonly stem: string;
  /** The name that its store gives it. */
  readonly name?: string | undefined;
  /** Its repository: "org/name". */
  readonly repository?: string | undefined;
  readonly preset?: Preset | undefined;
  /** The file that says what the model consists of, in a store that has such. */
  readonly manifest?: string | undefined;
}

/** Called for a folder or file that cannot be read. */
export type Unreadable = (path: string, error: Error) => void;
