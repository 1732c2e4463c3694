// A small real model under a budget that it does not fit in: npm run demo
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fetchDemoModel } from './fetch-model.ts';

const budget = '176M'; // the process takes most of it; of 94 MB of weights about half stay resident
const prompt = process.argv.slice(2).join(' ') || 'Explain in three sentences why the sky is blue.';

async function demo(): Promise<number> {
  const model = await fetchDemoModel({ onStatus: (status) => process.stderr.write(`${status}\n`) });
  const cli = fileURLToPath(new URL('../bin/ssd-llm.cjs', import.meta.url));
  const options = ['--memory-budget', budget, '--ctx', '512', '--temperature', '0', '--max-tokens', '96', '--verbose'];
  process.stderr.write(`ssd-llm run ${model} --prompt "${prompt}" ${options.join(' ')}\n\n`);
  const child = spawn(process.execPath, [cli, 'run', model, '--prompt', prompt, ...options], { stdio: 'inherit' });
  // Ctrl-C reaches the child too, which ends with the text so far.
  process.on('SIGINT', () => {});
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}

try {
  process.exitCode = await demo();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
