import koffi from 'koffi';
import { loadLibraries } from './library.ts';

const callbackType = koffi.proto('void ggml_log_callback(int level, const char *text, void *user_data)');
const levels = { warn: 3, error: 4 } as const;

let lastWords = '';
let silent = false;

/** Keeps ggml and libllama from printing; their last warning or error can be asked for. */
export function silenceLog(): void {
  if (silent) return;
  silent = true;
  const { base, llama } = loadLibraries();
  const callback = koffi.register((level: number, text: string) => {
    // Libllama's last line says only that it failed.
    if ((level === levels.warn || level === levels.error) && !/failed to load model\s*$/.test(text)) {
      lastWords = text.trim();
    }
  }, koffi.pointer(callbackType));
  base.func('void ggml_log_set(void *, void *)')(callback, null);
  llama.func('void llama_log_set(void *, void *)')(callback, null);
}

/** The last warning or error of ggml or libllama: the reason to give when one of their calls fails. */
export const lastLog = (): string => lastWords || 'no reason given';
