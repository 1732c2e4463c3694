import koffi from 'koffi';
import { shortLine } from '../base/short-line.ts';
import { loadLibraries } from './library.ts';

const callbackType = koffi.proto('void ggml_log_callback(int level, const char *text, void *user_data)');
const levels = { warn: 3, error: 4 } as const;

let lastWords = '';
let silent = false;
let listener: ((line: string) => void) | undefined;
let troubleListener: ((line: string) => void) | undefined;

/** Keeps ggml and libllama from printing; their last warning or error can be asked for. */
export function silenceLog(): void {
  if (silent) return;
  silent = true;
  const { base, llama } = loadLibraries();
  const callback = koffi.register((level: number, text: string) => {
    listener?.(text);
    // The last lines of libllama, of Metal and of Vulkan say only that something failed before.
    const uninformative =
      /failed to (?:load model|initialize batch|decode\b)|error state from a previous|getFenceStatus at/;
    if ((level === levels.warn || level === levels.error) && !uninformative.test(text)) {
      troubleListener?.(text);
      lastWords = shortLine(text);
    }
  }, koffi.pointer(callbackType));
  base.func('void ggml_log_set(void *, void *)')(callback, null);
  llama.func('void llama_log_set(void *, void *)')(callback, null);
}

/** The last warning or error of ggml or libllama: the reason to give when one of their calls fails. */
export const lastLog = (): string => lastWords || 'no reason given';

/** Does `work` and passes each line that ggml and libllama log meanwhile, of any level, to `onLine`. */
export function listening<T>(onLine: (line: string) => void, work: () => T): T {
  listener = onLine;
  try {
    return work();
  } finally {
    listener = undefined;
  }
}

/** Passes each warning and error to `onLine` before libllama goes on, which may be the end of the process. */
export function hearTrouble(onLine: (line: string) => void): void {
  troubleListener = onLine;
}
