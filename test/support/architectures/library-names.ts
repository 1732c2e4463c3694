import { loadLibraries } from '../../../src/ggml/library.ts';

/** The name that libllama has for what it does not know. */
const unknown = '(unknown)';

/** The names of all architectures that this build of libllama knows, in its order. It must have C++ symbols of Linux or macOS. */
export function libraryNames(): readonly string[] {
  const nameOf = loadLibraries().llama.func('const char *_Z13llm_arch_name8llm_arch(int)');
  const names: string[] = [];
  for (let i = 0; ; i += 1) {
    const name = nameOf(i) as string;
    if (name === unknown) return names;
    names.push(name);
  }
}
