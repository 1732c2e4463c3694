import { addAbortSignal } from 'node:stream';
import { formatBytes } from '../../base/bytes.ts';
import { EngineError } from '../../base/errors.ts';
import type { Generation } from '../../engine/generation.ts';
import { headline } from '../../plan/explain.ts';
import { ConversationFile } from '../conversation-file.ts';
import { grammarFromOptions } from '../form-options.ts';
import { interruptible, interruptibleBlocking } from '../interrupt.ts';
import { openModel } from '../open-model.ts';
import type { Settings } from '../options/table.ts';
import { AnswerPrinter } from '../print/answer-printer.ts';
import { note, writeJson } from '../print/output.ts';
import { Progress } from '../print/progress.ts';
import { deviceLine, timings } from '../print/timings.ts';
import { preparePrompt, readPrompt } from '../prompt.ts';

/** Answers one prompt. */
export const runCommand = (settings: Settings, path: string): Promise<void> =>
  interruptible((abort) => answer(path, settings, abort));

async function answer(path: string, options: Settings, abort: AbortController): Promise<void> {
  const { signal } = abort;
  using session = options.session === undefined ? undefined : await ConversationFile.open(options.session);
  const grammar = await grammarFromOptions(options, () => addAbortSignal(signal, process.stdin));
  await using model = await openModel(path, options);
  const prompt = options.prompt ?? (await readPrompt(promptInput(signal), model, options));
  const prepared = await interruptibleBlocking(
    abort,
    () => session?.promptFor(model, prompt, options) ?? preparePrompt(model, prompt, options),
  );
  const { tokens } = prepared;
  const plan = model.plan(options.ctx, {
    prompt: tokens.length,
    answer: options.maxTokens ?? Number.POSITIVE_INFINITY,
  });
  if (tokens.length > plan.context) {
    throw new EngineError('CONTEXT_TOO_LONG', { prompt: tokens.length, context: plan.context });
  }
  const auto = options.memoryBudget === undefined;
  if (auto || options.verbose) {
    const chosen = auto ? ' (auto)' : '';
    note(`memory budget ${formatBytes(plan.budget)}${chosen}; ${headline(plan, model.hitRate)}`);
  }

  await model.start(plan);
  await session?.restore(model);
  using loading = new Progress('loading');
  using progress = new Progress('prompt');
  const generation = model.generate(prepared, {
    ...options,
    grammar,
    signal,
    onLoad: (done, total) => (done < total ? loading.update({ done, total }) : loading[Symbol.dispose]()),
    onPrompt: ({ tokens: done, total, bytes }) =>
      done < total ? progress.update({ done, total, bytes }) : progress[Symbol.dispose](),
  });
  const { text, thinking } = await print(generation, options.json);
  if (options.json) await writeJson(toJson(generation, text, thinking), { short: true });
  if (options.verbose) {
    const lines = [deviceLine(model.device), ...timings(generation), ...fromCache(options, generation)];
    for (const line of lines) note(line);
  }
  // An answer that cannot be saved has been given all the same.
  await session?.save(model, text);
}

/** A line about the part of the prompt that an earlier command had computed, where prompts are kept. */
function fromCache({ promptCache, promptCacheDir }: Settings, { stats, promptTokens }: Generation): readonly string[] {
  if (!stats || (promptCache ?? promptCacheDir ?? 0) === 0) return [];
  return [`cache    ${stats.prefill.cached} of ${promptTokens} tokens of the prompt were there`];
}

function promptInput(signal: AbortSignal): AsyncIterable<Uint8Array> {
  if (process.stdin.isTTY) throw new EngineError('NO_PROMPT', {});
  return addAbortSignal(signal, process.stdin);
}

/** Prints the answer as it comes, unless it is wanted as a whole. */
async function print(generation: Generation, silent: boolean): Promise<AnswerPrinter> {
  const printer = new AnswerPrinter({ silent });
  for await (const piece of generation) await printer.push(piece);
  await printer.end();
  return printer;
}

const toJson = (generation: Generation, text: string, thinking: string): object => ({
  text,
  ...(thinking !== '' && { thinking }),
  tokens: generation.tokens,
  prompt_tokens: generation.promptTokens,
  stop_reason: generation.stopReason,
  stats: generation.stats,
});
