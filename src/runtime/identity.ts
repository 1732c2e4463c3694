import { statSync } from 'node:fs';
import { realPath } from '../base/regular-file.ts';
import type { Plan } from '../plan/plan.ts';
import type { ModelOutline } from './model-outline.ts';
import type { Kernels } from './planner.ts';

/** Number to raise with every change that gives the same tokens other keys and values. */
const version = 2;

/** A name for everything that keys and values depend on beside their shape. */
export function identityOf({ file, config }: ModelOutline, { context }: Plan, kernels: Kernels): string {
  const files = file.files.map(({ path, size }) => [realPath(path), size, statSync(path).mtimeMs]);
  // Models with two sets of rope factors use the other one in contexts longer than the original.
  const long = context > config.rope.originalContext;
  return JSON.stringify({ version, files, kernels, rope: config.rope, long });
}
