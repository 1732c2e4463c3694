import { EngineError } from '../base/errors.ts';
import { reasonOf } from '../base/regular-file.ts';
import { replaceFile } from '../base/replace-file.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { readText, restoreText, type SavedText, writeText } from '../state/saved-text.ts';

type SessionRuntime = Pick<Runtime, 'caches' | 'identity'>;

/** A saved text, with `about` as it was given when saving. Rejects with SESSION_UNREADABLE. */
export async function readSession(path: string): Promise<SavedText | undefined> {
  try {
    return await readText(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const reason = (cause as Error).message;
    throw new EngineError('SESSION_UNREADABLE', { file: path, reason }, { cause });
  }
}

/**
 * Puts a saved text where the next prompt finds it. False if it was computed in another way, has other tokens than the
 * `vocabulary`, or is damaged.
 */
export async function restoreSession(
  { caches, identity }: SessionRuntime,
  text: SavedText,
  vocabulary: number,
): Promise<boolean> {
  const [cache] = caches.all;
  // Such a session has its tokens alone.
  if (!cache?.canCopy) return false;
  const { length } = text.tokens;
  if (text.identity !== identity || text.form !== cache.state.form) return false;
  if (length > cache.state.context || text.tokens.some((token) => token >= vocabulary)) return false;
  try {
    await restoreText(text, cache, length);
    return true;
  } catch {
    return false;
  }
}

/** Saves the text that was computed last, and `about`, in place of the file's content. Rejects with WRITE_FAILED. */
export async function saveSession({ caches, identity }: SessionRuntime, path: string, about: unknown): Promise<void> {
  const last = caches.all.reduce((a, b) => (b.lastUse > a.lastUse ? b : a));
  try {
    await replaceFile(path, (file) => writeText(file, { identity, about }, last));
  } catch (cause) {
    throw new EngineError('WRITE_FAILED', { file: path, offset: 0, reason: reasonOf(cause) }, { cause });
  }
}
