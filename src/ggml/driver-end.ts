import koffi from 'koffi';
import { attempt } from '../base/attempt.ts';
import { shortLine } from '../base/short-line.ts';
import { loadLibraries } from './library.ts';
import { lastLog } from './log.ts';

const abortCallback = koffi.proto('void ggml_abort_callback(const char *words)');
const terminateHandler = koffi.proto('void std_terminate_handler()');

/**
 * Calls `act` with the last words of ggml, or of a driver that throws an exception of C++, before that ends this process.
 * The thread that fails is kept until `act` returns.
 */
export function hearEnd(act: (words: string) => void): void {
  const { base } = loadLibraries();
  const aborted = koffi.register((words: string) => act(shortLine(words)), koffi.pointer(abortCallback));
  base.func('void *ggml_set_abort_callback(void *)')(aborted);
  if (process.platform !== 'linux') return;
  const terminated = koffi.register(() => act(lastLog()), koffi.pointer(terminateHandler));
  // A system with another library of C++ goes without.
  attempt(() => koffi.load('libstdc++.so.6').func('void *_ZSt13set_terminatePFvvE(void *)')(terminated));
}
