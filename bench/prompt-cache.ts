/**
 * The cost of a prompt that was kept on the SSD: the first token of a long prompt when it is new, and after the model
 * was closed and opened again: npx tsx bench/prompt-cache.ts MODEL --memory-budget 1.6G --prompt-tokens 1000. Appends
 * to results.tsv.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Command } from 'commander';
import { formatBytes } from '../src/base/bytes.ts';
import { parseBytes } from '../src/base/size.ts';
import { Model } from '../src/model/model.ts';
import { positiveNumber } from './options.ts';
import { appendResult } from './results.ts';

interface First {
  readonly seconds: number;
  readonly computed: number;
  readonly cached: number;
  readonly text: string;
}

interface Options {
  memoryBudget: number;
  promptTokens: number;
}

/** Opens the model, and asks for a few tokens after the prompt. */
async function firstToken(path: string, folder: string, { memoryBudget, promptTokens }: Options): Promise<First> {
  const began = performance.now();
  await using model = Model.open(path, {
    memoryBudget,
    context: promptTokens + 64,
    promptCache: { bytes: 0, folder },
    ioThreads: Number(process.env['UV_THREADPOOL_SIZE'] ?? 4),
  });
  const sentence = model.vocabulary.tokenize('You are a patient teacher of many things. ', {
    addSpecial: false,
    parseSpecial: false,
  });
  const prompt = Array.from({ length: promptTokens }, (_, i) => sentence[i % sentence.length] ?? 0);
  const generation = model.generate(prompt, { temperature: 0, maxTokens: 8 });
  let seconds = 0;
  let text = '';
  for await (const piece of generation) {
    seconds ||= (performance.now() - began) / 1000;
    text += piece.text;
  }
  const { tokens: computed = 0, cached = 0 } = generation.stats?.prefill ?? {};
  return { seconds, computed, cached, text };
}

async function main(path: string, options: Options): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ssd-llm-prompts-'));
  try {
    const before = await firstToken(path, folder, options);
    const after = await firstToken(path, folder, options);
    appendResult({
      experiment: `prompt of ${options.promptTokens} tokens, new / kept on the SSD, model opened again`,
      model: basename(path),
      budget: formatBytes(options.memoryBudget),
      figures: {
        first_token_s: `${before.seconds.toFixed(2)}/${after.seconds.toFixed(2)}`,
        computed: `${before.computed}/${after.computed}`,
        cached: `${before.cached}/${after.cached}`,
        same_text: String(before.text === after.text),
      },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const program = new Command(basename(dirname(import.meta.url)))
  .argument('<model>')
  .requiredOption('-m, --memory-budget <size>', 'memory for everything', parseBytes)
  .option('--prompt-tokens <n>', 'tokens of the prompt', positiveNumber, 1000)
  .action(main);
await program.parseAsync();
