import { mediaTypeOf } from '../stores/manifest.ts';
import type { RemoteFile } from './remote-file.ts';

/** A part of a model that can be downloaded. */
export interface RemoteLayer {
  /** As manifests have it: "application/vnd.ollama.image.model". */
  readonly mediaType: string;
  readonly file: RemoteFile;
}

/** A model that can be downloaded. */
export interface RemoteModel {
  /** The name that it gets in the store. */
  readonly name: string;
  /** Its parts; the files of a split model in their order. */
  readonly layers: readonly RemoteLayer[];
  /** Something to say about what was chosen. */
  readonly note?: string | undefined;
}

/** Files as a model's parts. */
export const modelLayers = (files: readonly RemoteFile[]): readonly RemoteLayer[] =>
  files.map((file) => ({ mediaType: mediaTypeOf('model'), file }));
