/** The process that builds a model's graphs before any other does: `tryGraphs` starts it, and may see it end on the way. */

import { readFileSync, writeSync } from 'node:fs';
import { serializeError } from '../base/serialized-error.ts';
import { buildAllGraphs } from '../exec/llama-trial.ts';
import { hearTrouble } from '../ggml/log.ts';
import { openModelFile } from '../gguf/model-file.ts';
import type { TrialInput } from './graph-trial.ts';

const [input, errors, output] = [0, 2, 3];
// A terminal sends these to both processes; the one that waits says what happens.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
hearTrouble((line) => void writeSync(errors, `${line.trim()}\n`));
try {
  const { path, adapters } = JSON.parse(readFileSync(input, 'utf8')) as TrialInput;
  buildAllGraphs(openModelFile(path), adapters);
  writeSync(output, 'null');
} catch (error) {
  writeSync(output, JSON.stringify(serializeError(error)));
}
