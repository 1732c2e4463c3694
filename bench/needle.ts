/**
 * Whether something said at the start of a long text is found at its end, with keys and values on the SSD, and what that
 * takes: npx tsx bench/needle.ts MODEL -m 1.6G --tokens 32000. Appends to results.tsv.
 */
import { tmpdir } from 'node:os';
import { basename } from 'node:path';
import { Command, Option } from 'commander';
import { type RopeScaling, ropeScalings } from '../src/arch/rope.ts';
import { formatBytes } from '../src/base/bytes.ts';
import { parseBytes } from '../src/base/size.ts';
import { Model } from '../src/model/model.ts';
import { type KvType, kvTypes } from '../src/plan/kv-options.ts';
import { positiveNumber } from './options.ts';
import { appendResult } from './results.ts';

interface Options {
  readonly memoryBudget: number;
  readonly tokens: number;
  readonly kvType: KvType;
  readonly kvDir: string;
  readonly ropeScale?: number;
  readonly ropeScaling?: RopeScaling;
  readonly ropeBase?: number;
}

const needle = 'Remember this: the number of the red house is 48213. It is the only number that matters.';
const question = 'As was said at the beginning, the number of the red house is';
const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const people = ['Anna', 'Ben', 'Clara', 'David', 'Emma', 'Felix', 'Greta', 'Hugo', 'Ida', 'Jonas', 'Klara', 'Leo'];
const places = ['the market', 'the harbour', 'the old mill', 'the library', 'the station', 'the garden', 'the lake'];
const doings = ['bought apples', 'read a letter', 'met a friend', 'waited for rain', 'sang a song', 'fed the birds'];

/** Sentences without a number, no two alike for long. */
const sentence = (i: number): string => {
  const of = (list: readonly string[], step: number): string =>
    list[(i * step + Math.floor(i / 7)) % list.length] ?? '';
  return `On ${of(days, 3)} ${of(people, 5)} went to ${of(places, 2)} and ${of(doings, 1)}, while ${of(people, 7)} stayed at home. `;
};

/** A prompt of as many tokens as whole sentences make of them, the needle first. */
function promptOf(model: Model, tokens: number): readonly number[] {
  const withSentences = (count: number): readonly number[] => {
    const text = Array.from({ length: count }, (_, i) => sentence(i)).join('');
    return model.tokenize(`${needle}\n\n${text}\n\n${question}`);
  };
  let [least, most] = [0, Math.ceil(tokens / 8)];
  while (least < most) {
    const count = Math.ceil((least + most) / 2);
    if (withSentences(count).length <= tokens) least = count;
    else most = count - 1;
  }
  return withSentences(least);
}

async function main(path: string, options: Options): Promise<void> {
  const { memoryBudget, tokens, kvType: type, kvDir: folder, ropeScale, ropeScaling, ropeBase } = options;
  const rope = { scale: ropeScale, scaling: ropeScaling, base: ropeBase };
  const context = tokens + 64;
  const kv = { type, home: 'ssd', folder } as const;
  const ioThreads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
  await using model = Model.open(path, {
    memoryBudget,
    context,
    kv,
    ioThreads,
    ...((ropeScale || ropeBase) && { rope }),
  });
  const generation = model.generate(promptOf(model, tokens), {
    temperature: 0,
    maxTokens: 24,
    onPrompt: ({ tokens: done, total }) => process.stderr.write(`\r${Math.floor(done)} of ${total} tokens `),
  });
  let answer = '';
  for await (const { text } of generation) answer += text;
  if (!generation.stats) throw new Error('no statistics');
  const { prefill, decode, memory } = generation.stats;
  appendResult({
    experiment: `needle at the start of ${generation.promptTokens} tokens, keys and values on the SSD as ${type}`,
    model: basename(path),
    budget: formatBytes(memoryBudget),
    figures: {
      answer: JSON.stringify(answer.trim()),
      found: String(answer.includes('48213')),
      prefill_tokens_per_s: (prefill.tokens / prefill.seconds).toFixed(2),
      prefill_read: formatBytes(prefill.bytes_read),
      decode_s: (decode.seconds / decode.tokens).toFixed(3),
      bytes_per_token: formatBytes(decode.bytes_per_token),
      peak: String(memory.peak),
    },
  });
}

const program = new Command('needle')
  .argument('<model>')
  .requiredOption('-m, --memory-budget <size>', 'memory for everything', parseBytes)
  .option('--tokens <n>', 'tokens of the text', positiveNumber, 8000)
  .option('--kv-dir <dir>', 'a folder on the SSD', tmpdir())
  .option('--rope-scale <n>', 'as of run', Number)
  .addOption(new Option('--rope-scaling <kind>', 'as of run').choices(ropeScalings))
  .option('--rope-base <n>', 'as of run', Number)
  .addOption(new Option('--kv-type <type>').choices(kvTypes).default('f16'))
  .action(main);
await program.parseAsync();
