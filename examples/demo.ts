// A model that takes four times the memory it is given: npm run demo
import { spawn } from 'node:child_process';
import { existsSync, renameSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { llamaMapped } from '../bench/contestants.ts';
import { inflate } from '../bench/inflate.ts';
import { memoryGroup } from '../bench/memory-group.ts';
import { fetchDemoModel } from './fetch-model.ts';

const prompt = process.argv.slice(2).join(' ') || 'Explain in one sentence why the sky is blue.';
const tell = (line: string): void => void process.stderr.write(`${line}\n`);
const MiB = 2 ** 20;
/** Bytes of Node, its libraries, the vocabulary, the conversation and the ring. */
const others = 176 * MiB;

/** The small model, grown to 0.6 GB that compute the same; it is made once. A model that is named is taken as it is. */
async function demoModel(): Promise<string> {
  const small = await fetchDemoModel({ onStatus: tell });
  if (process.env['SSD_LLM_MODEL']) return small;
  const large = join(dirname(small), 'SmolLM2-135M-grown.gguf');
  if (!existsSync(large)) {
    tell(`making ${large}, 0.6 GB, once`);
    const unfinished = `${large}.part`;
    inflate(small, unfinished, { width: 2304, feedForward: 3072, layers: 30 });
    renameSync(unfinished, large);
  }
  return large;
}

function answer(model: string, budget: number): Promise<number> {
  const cli = fileURLToPath(new URL('../bin/ssd-llm.cjs', import.meta.url));
  const options = ['-m', `${budget / MiB}M`, '--ctx', '256', '--temperature', '0', '-n', '24', '--verbose'];
  tell(`ssd-llm run ${model} "${prompt}" ${options.join(' ')}\n`);
  const child = spawn(process.execPath, [cli, 'run', model, prompt, ...options], { stdio: 'inherit' });
  // Ctrl-C reaches the child too, which ends with the text so far.
  process.on('SIGINT', () => {});
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}

/** The same file mapped into memory by llama.cpp, which may take as much; where no limit can be set it would take more. */
async function mapped(path: string, budget: number): Promise<void> {
  const group = memoryGroup(budget);
  if (typeof group === 'string')
    return tell(`\nllama.cpp's mmap is left out: no memory limit can be set here (${group})`);
  group[Symbol.dispose]();
  const task = { path, budget, threads: availableParallelism(), promptTokens: 1, tokens: 2 };
  const { decode } = await llamaMapped().run(task);
  tell(`\nllama.cpp, the file mapped, in as much memory: ${decode.toFixed(2)} tokens/s`);
}

try {
  const model = await demoModel();
  const budget = others + Math.ceil(statSync(model).size / 4 / MiB) * MiB;
  process.exitCode = await answer(model, budget);
  if (process.exitCode === 0 && !process.env['SSD_LLM_MODEL']) await mapped(model, budget);
} catch (error) {
  tell(error instanceof Error ? error.message : `${error}`);
  process.exitCode = 1;
}
