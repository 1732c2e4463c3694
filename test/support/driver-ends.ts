/** A command whose device's driver ends it: by ggml's way of failing, or by an exception of C++ that nobody catches. */
import koffi from 'koffi';
import { tellDriverEnd } from '../../src/cli/driver-end.ts';
import { loadGgml } from '../../src/ggml/api.ts';
import { aside } from '../../src/ggml/aside.ts';
import { loadLibraries } from '../../src/ggml/library.ts';

loadGgml();
tellDriverEnd('a card');
const { base } = loadLibraries();
if (process.argv[2] === 'aborts') {
  const abort = base.func('void ggml_abort(const char *file, int line, const char *words)');
  await aside(abort, '/built/here/ggml.cpp', 7, 'it is lost');
} else await aside(koffi.load('libstdc++.so.6').func('void _ZSt9terminatev()'));
