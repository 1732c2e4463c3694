import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { formatBytes } from '../../../src/base/bytes.ts';
import { architectureFile } from '../../support/architectures/architecture-file.ts';
import { run } from '../../support/cli.ts';
import { loraFile } from '../../support/lora-file.ts';
import { isAlive } from '../../support/processes.ts';
import { postTo, serve } from '../../support/server.ts';
import { missingSmollm2, smollm2 } from '../../support/smollm2.ts';
import { type TempFolder, tempFolder } from '../../support/temp-folder.ts';
import { type Attack, type AttackOptions, Dice, skipped, type Toll, tryEach } from './attack.ts';
import { grouped, whereGrouped } from './groups.ts';
import { serverBound } from './victim.ts';

/** Runs in control groups that hold the budget and not a page more, from the smallest budget on that an error names. */
export const limitedRuns: Attack = {
  name: 'runs in cgroups of the budget',
  count: 56,
  run: (options) => limited(options, runOnce),
};

/** Servers in control groups that hold the budget and what the server may take beside it. */
export const limitedServers: Attack = {
  name: 'servers in cgroups of the budget and the bound, 7 requests each',
  count: 8,
  run: (options) => limited(options, serveOnce),
};

const MiB = 2 ** 20;

const limited = (options: AttackOptions, once: (dice: Dice, folder: TempFolder) => Promise<string>): Promise<Toll> =>
  whereGrouped(async () => {
    const missing = await missingSmollm2();
    if (missing !== undefined) return skipped(missing);
    using folder = tempFolder();
    return await tryEach(
      options,
      (number) => once(new Dice(`${options.seed} ${number}`), folder),
      () => 'budget',
    );
  });

/** Small models whose graphs libllama builds, of each kind of state and with experts, and one of ours. */
const built = ['gemma3', 'mamba', 'granitehybrid', 'qwen3moe', 'deepseek2', 'lfm2moe'] as const;
/** Those that a random adapter of the usual weights fits. */
const adapted: ReadonlySet<string> = new Set(['SmolLM2 of libllama', 'gemma3', 'qwen3moe']);
const longest = 8192;

interface Case {
  readonly model: string;
  readonly options: readonly string[];
  /** A prompt of this many characters, and an answer, fit in the context. */
  readonly room: number;
}

/** A model and ways to compute, each with another share of the budget. */
async function someCase(dice: Dice, folder: TempFolder): Promise<Case> {
  const name = dice.pick(['SmolLM2', 'SmolLM2 of libllama', ...built]);
  const isBuilt = name !== 'SmolLM2';
  const context = dice.pick([128, 512, 1500, 2048, longest]);
  const options = [
    ['--ctx', `${context}`],
    // The heads of one are no whole blocks of other types, and the other has no keys and values.
    ['--kv-type', name === 'deepseek2' || name === 'mamba' ? 'f16' : dice.pick(['f16', 'q8_0', 'q4_0'])],
    ['--kernels', dice.pick(['auto', 'plain'])],
    ['--threads', dice.pick(['1', '2'])],
    dice.pick([[], ['--draft-ngram']]),
    ...(isBuilt
      ? [['--graphs', 'libllama']]
      : [
          ['--kv-home', dice.pick(['auto', 'ram', 'ssd'])],
          dice.pick([[], ['--sliding-window', '64', '--sink-tokens', '4']]),
        ]),
    // Fewer slots than there are experts.
    ...(/moe|deepseek/.test(name) ? [dice.pick([[], ['--expert-cache', '6M']])] : []),
  ];
  const model = name.startsWith('SmolLM2') ? await smollm2() : madeFile(folder.file(`${name}.gguf`), name);
  if (adapted.has(name)) options.push([...dice.pick([[], adapterFor(folder, model, dice.pick([4, 64]))])]);
  return { model, options: options.flat(), room: context - 100 };
}

/** A model with heads of 64, so that all types of keys and values fit, and some megabytes of weights. */
function madeFile(path: string, name: string): string {
  if (existsSync(path)) return path;
  const sizes = { context: longest, layers: 4, width: 256, feedForward: 512, expertFeedForward: 256, experts: 16 };
  return architectureFile(path, name, { vocabulary: true, sizes });
}

/** The option that applies an adapter of some rank, twice. */
function adapterFor(folder: TempFolder, model: string, rank: number): readonly string[] {
  const path = folder.file(`${basename(model)}-${rank}.lora.gguf`);
  if (!existsSync(path)) loraFile(path, model, { rank });
  return ['--lora', path, '--lora', `${path}=-0.5`];
}

/** Memory beyond the least that a process may have. */
const extras = [0, 0, 0, 1, 3, 8, 30, 100] as const;

/** The smallest budget that the error to a smaller one names, in bytes. */
async function leastBudget(command: readonly string[]): Promise<number> {
  const { stderr } = await run([...command, '-m', '20M']);
  const [, least] = /needs at least (\d+) MiB/.exec(stderr) ?? [];
  assert.ok(least, stderr);
  return Number(least) * MiB;
}

async function runOnce(dice: Dice, folder: TempFolder): Promise<string> {
  const { model, options, room } = await someCase(dice, folder);
  const input = 'The lighthouse stood on a rock. '.repeat(dice.pick([1, 10, longest])).slice(0, room);
  const asked = ['run', model, '-n', '4', ...options, '-p', input];
  const extra = dice.pick(extras);
  const budget = (await leastBudget(asked)) + extra * MiB;
  return await grouped(budget, async (group) => {
    // Nothing is remembered: libllama is tried in the group, too.
    const env = { SSD_LLM_CACHE: folder.file(`cache-${budget}`) };
    const { code, stderr } = await run([...asked, '-m', `${budget}`], { wrapper: group.wrapper, env });
    const how = `${asked.slice(1).join(' ').slice(0, 250)} -m ${budget}`;
    assert.ok(code === 0, `${group.killed()} killed, exit code ${code}: ${how}: ${stderr.slice(0, 300)}`);
    assert.ok(group.peak() <= budget, `${formatBytes(group.peak())}: ${how}`);
    return `least + ${extra} MiB`;
  });
}

/** Requests to one server: the first by itself, the others at once. */
const perServer = 7;

async function serveOnce(dice: Dice, folder: TempFolder): Promise<string> {
  const { model, options, room } = await someCase(dice, folder);
  // Copies in memory are of keys and values that live there.
  const sizes = options.includes('ssd') ? ['0', 'auto'] : ['0', 'auto', '8M'];
  const args = [...options, '--parallel', dice.pick(['1', '2', '4', '8']), '--prompt-cache', dice.pick(sizes)];
  const extra = dice.pick(extras);
  const budget = (await leastBudget(['serve', model, ...args])) + extra * MiB;
  return await grouped(budget + serverBound, async (group) => {
    try {
      const limits = ['-m', `${budget}`, '--log-level', 'warn', '--log-format', 'text'];
      await using server = await serve([model, ...args, ...limits], { wrapper: group.wrapper });
      const prompts = Array.from({ length: perServer }, () =>
        'The lighthouse stood. '.repeat(1 + dice.below(20)).slice(0, room),
      );
      await isAnswered(server.url, prompts.pop() ?? '');
      await Promise.all(prompts.map((prompt) => isAnswered(server.url, prompt)));
      assert.ok(isAlive(server.child.pid ?? 0) && group.killed() === 0);
    } catch (error) {
      throw new Error(
        `${(error as Error).message} (${group.killed()} killed): serve ${model} ${args.join(' ')} -m ${budget}`,
      );
    }
    return `least + ${extra} MiB`;
  });
}

async function isAnswered(url: string, prompt: string): Promise<void> {
  const options = { num_predict: 4, temperature: 0 };
  const response = await postTo({ url }, '/api/generate', { prompt, stream: false, options, model: await served(url) });
  const text = await response.text();
  // A prompt may be too long for the context: that is an answer, too.
  assert.ok(response.status === 200 || /context/.test(text), `${response.status} ${text.slice(0, 200)}`);
}

/** The name of the only model there. */
async function served(url: string): Promise<string> {
  const { models } = (await (await fetch(`${url}/api/tags`)).json()) as { models: { name: string }[] };
  return models[0]?.name ?? assert.fail('no model is served');
}
