import { writeSync } from 'node:fs';
import koffi from 'koffi';
import { shortLine } from '../base/short-line.ts';
import { loadLibraries } from './library.ts';

const callbackType = koffi.proto('void ggml_log_callback(int level, const char *text, void *user_data)');
const levels = { warn: 3, error: 4 } as const;

let lastWords = '';
let silent = false;
/** Brings the lines that another thread has heard, if one hears them. */
let takeLines: (() => void) | undefined;
let listener: ((line: string) => void) | undefined;
let troubleListener: ((line: string) => void) | undefined;

/** Keeps ggml and libllama from printing; their last warning or error can be asked for. */
export function silenceLog(): void {
  if (silent) return;
  silent = true;
  setLog(hearLine);
  // Libraries may log when JavaScript has ended: a function that takes nothing hears that.
  process.once('exit', () => useCallback(loadLibraries().base.symbol('ggml_time_us')));
}

/** Calls `hear` on this thread with each line that ggml and libllama log, on any thread: the one that logs waits for that. */
export const setLog = (hear: (level: number, text: string) => void): void =>
  useCallback(koffi.register(hear, koffi.pointer(callbackType)));

function useCallback(callback: unknown): void {
  const { base, llama } = loadLibraries();
  base.func('void ggml_log_set(void *, void *)')(callback, null);
  llama.func('void llama_log_set(void *, void *)')(callback, null);
}

/** True for lines that may be the last ones before a library ends the process. */
export const isError = (level: number): boolean => level === levels.error;

/** True for warnings and errors that say something. */
function isTrouble(level: number, text: string): boolean {
  // The last lines of libllama, of Metal and of Vulkan say only that something failed before.
  const uninformative =
    /failed to (?:load model|initialize batch|decode\b)|error state from a previous|getFenceStatus at/;
  return (level === levels.warn || isError(level)) && !uninformative.test(text);
}

/** Hears a line, which may have come by way of another thread. */
export function hearLine(level: number, text: string): void {
  listener?.(text);
  if (!isTrouble(level, text)) return;
  troubleListener?.(text);
  lastWords = shortLine(text);
}

/** Asks `take` for lines that another thread has heard, which it passes to `hearLine`, before any are looked at. */
export function takeLinesFrom(take: () => void): void {
  takeLines = take;
}

/** The last warning or error of ggml or libllama: the reason to give when one of their calls fails. */
export function lastLog(): string {
  takeLines?.();
  return lastWords || 'no reason given';
}

/** Does `work` and passes each line that ggml and libllama log meanwhile, of any level, to `onLine`. */
export function listening<T>(onLine: (line: string) => void, work: () => T): T {
  takeLines?.();
  listener = onLine;
  try {
    return work();
  } finally {
    takeLines?.();
    listener = undefined;
  }
}

/** Passes each warning and error to `onLine` before libllama goes on, which may be the end of the process. */
export function hearTrouble(onLine: (line: string) => void): void {
  troubleListener = onLine;
}

/** Writes a line to `file` if it is a warning or an error. */
export function writeTrouble(file: number, level: number, text: string): void {
  if (isTrouble(level, text)) writeSync(file, `${text.trim()}\n`);
}
