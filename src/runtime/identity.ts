import { statSync } from 'node:fs';
import { realPath } from '../base/regular-file.ts';
import type { Plan } from '../plan/plan.ts';
import type { ModelOutline } from './model-outline.ts';
import type { Kernels } from './planner.ts';

/** Number to raise with every change that gives the same tokens other keys and values. */
const version = 3;

/** A name for everything that keys and values depend on beside their shape. */
export function identityOf({ file, graphs }: ModelOutline, { context }: Plan, kernels: Kernels): string {
  const files = file.files.map(({ path, size }) => [realPath(path), size, statSync(path).mtimeMs]);
  return JSON.stringify({ version, files, kernels, graphs: graphs.identity(context) });
}
