import assert from 'node:assert/strict';
import type { PlanSummary } from '../../../src/plan/explain.ts';
import { type RunAnswer, run, runJson } from '../cli.ts';
import { postTo, serve } from '../server.ts';
import { architectureFile } from './architecture-file.ts';
import type { ArchitectureRow } from './rows.ts';

const usual: readonly string[] = ['-c', '256', '-t', '1', '--kernels', 'plain'];
const roomy: readonly string[] = ['-m', '400M', ...usual];
const prompts: readonly string[] = ['hello world, 中文 and so on', 'another', 'hello world,\n\n 12  34'];
const tokens = 6;

interface Described {
  readonly architecture: string;
  readonly plan: PlanSummary | { readonly error: { readonly message: string } };
}

/** The smallest budget that `info` names for a file. */
async function leastBudget(path: string): Promise<string> {
  const { stdout } = await run(['info', path, '-m', '20M', ...usual]);
  const [, least] = /needs at least (\d+) MiB/.exec(stdout) ?? assert.fail(`no smallest budget: ${stdout}`);
  return `${least}M`;
}

async function answerOf(path: string, args: readonly string[]): Promise<string> {
  const asked = ['--raw', '-p', prompts[0] as string, '-n', `${tokens}`, '--temperature', '0'];
  const { text, stats } = await runJson<RunAnswer>(['run', path, ...asked, ...args]);
  assert.ok(stats.memory.peak <= stats.memory.budget, 'run takes more than its budget');
  return text;
}

/** Fails unless a server answers all prompts at once as it does one by one, and the first one as `run` did. */
async function tryServed(path: string, args: readonly string[], expected: string): Promise<void> {
  await using server = await serve([path, ...args]);
  const ask = async (prompt: string): Promise<string> => {
    const options = { temperature: 0, num_predict: tokens };
    const response = await postTo(server, '/api/generate', {
      model: 'model',
      prompt,
      raw: true,
      stream: false,
      options,
    });
    const body = await response.text();
    assert.equal(response.status, 200, body);
    return (JSON.parse(body) as { response: string }).response;
  };
  const atOnce = await Promise.all(prompts.map(ask));
  const alone: string[] = [];
  for (const prompt of prompts) alone.push(await ask(prompt));
  assert.deepEqual(atOnce, alone, 'the server answers several at once otherwise than one by one');
  assert.equal(alone[0], expected, 'the server answers otherwise than run');
}

/**
 * Fails unless a user gets the same text of a row's model from `run` and `serve`, in the smallest budget that `info` names
 * and in much more, one by one and several at once; and `bench` measures it.
 */
export async function tryAnswers(
  { name, architecture, experts }: Pick<ArchitectureRow, 'name' | 'architecture' | 'experts'>,
  path: string,
): Promise<void> {
  architectureFile(path, name, { vocabulary: true });
  const info = await runJson<Described>(['info', path, ...roomy]);
  assert.equal(info.architecture, architecture);
  assert.ok('memory' in info.plan, JSON.stringify(info.plan));
  const least = ['-m', await leastBudget(path), ...usual];
  const text = await answerOf(path, roomy);
  assert.equal(await answerOf(path, least), text, 'the smallest budget changes the answer');
  const slots = experts ? ['--expert-cache', '1K'] : [];
  await tryServed(path, [...roomy, ...slots, '--parallel', '3'], text);
  const { code, stderr } = await run([
    ...['bench', path, ...least, '--tokens', '2', '--prompt-tokens', '8', '--rounds', '1', '--json'],
  ]);
  assert.equal(code, 0, `bench: ${stderr}`);
}
