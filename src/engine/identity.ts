import { statSync } from 'node:fs';
import { realPath } from '../base/regular-file.ts';
import type { Plan } from '../plan/plan.ts';
import type { ModelOutline } from './outline.ts';
import type { Kernels } from './planner.ts';

/** Changes when keys and values of the same tokens do: with what we compute. */
const version = 2;

/** Names everything that keys and values depend on beside their shape. */
export function identityOf({ file, config }: ModelOutline, { context }: Plan, kernels: Kernels): string {
  const files = file.files.map(({ path, size }) => [realPath(path), size, statSync(path).mtimeMs]);
  // Models that bring factors for longer texts rotate by other ones there.
  const long = context > config.rope.originalContext;
  return JSON.stringify({ version, files, kernels, rope: config.rope, long });
}
