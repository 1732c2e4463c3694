import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import koffi from 'koffi';
import { EngineError } from '../base/errors.ts';
import { loadLibraries } from './library.ts';
import { silenceLog } from './log.ts';

/** Name of a variant: "/lib/libggml-cpu-haswell.so" -> "haswell", "libggml-cpu-armv8.2_1.so" -> "armv8.2_1". */
export const variantIn = (file: string): string | undefined =>
  /^(?:lib)?ggml-cpu-([a-z\d_]+(?:\.\d+_\d+)?)\b.*\.(?:so|dylib|dll)$/.exec(basename(file))?.[1];

/**
 * The files of CPU variants by their names: one for each generation of processors, none where ggml has one only.
 */
function packed(): ReadonlyMap<string, string> {
  const { folder } = loadLibraries();
  const found = new Map<string, string>();
  for (const file of readdirSync(folder).sort()) {
    const name = variantIn(file);
    if (name !== undefined) found.set(name, join(folder, file));
  }
  return found;
}

/** How well a backend suits this processor; 0 if it lacks instructions that the backend was compiled for. */
function scoreOf(file: string): number {
  const library = koffi.load(file);
  try {
    return library.func('int ggml_backend_score()')() as number;
  } finally {
    library.unload();
  }
}

const usableVariants = (): readonly string[] =>
  [...packed()].filter(([, file]) => scoreOf(file) > 0).map(([name]) => name);

let chosen: string | undefined;
let registered = false;

/**
 * Makes the CPU variant `name` compute in this process, instead of the one that suits the processor best. Throws
 * CPU_VARIANT if there is none of that name, this processor cannot run it, or another one computes already.
 */
export function chooseCpuVariant(name: string): void {
  if (chosen === name) return;
  const refusal = (reason: string): EngineError =>
    new EngineError('CPU_VARIANT', { variant: name, reason, usable: usableVariants() });
  const file = packed().get(name);
  if (file === undefined) throw refusal('there is none of this name');
  if (registered) throw refusal('another one computes in this process already');
  const { ggml } = loadLibraries();
  silenceLog();
  if (!ggml.func('void *ggml_backend_load(const char *)')(file)) throw refusal('this processor cannot run it');
  chosen = name;
  registered = true;
}

/** The file of the CPU variant that suits this processor best. Throws CPU_VARIANT if none does. */
function bestVariantFile(): string {
  const scores = [...packed()].map(([name, file]) => ({ name, file, score: scoreOf(file) }));
  const best = scores.reduce((a, b) => (b.score > a.score ? b : a));
  if (best.score > 0) return best.file;
  throw new EngineError('CPU_VARIANT', { variant: best.name, reason: 'no processor of this kind can', usable: [] });
}

/** Registers the CPU's backend for this machine, unless a variant was chosen. */
export function registerBackends(): void {
  if (registered) return;
  const { ggml, folder } = loadLibraries();
  if (process.platform === 'darwin' && packed().size > 0) {
    // Loading all of them would start Metal, which compiles and keeps a thread.
    chooseCpuVariant(variantIn(bestVariantFile()) ?? '');
    return;
  }
  ggml.func('void ggml_backend_load_all_from_path(const char *)')(folder);
  registered = true;
}
