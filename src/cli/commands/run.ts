import { addAbortSignal } from 'node:stream';
import { formatBytes } from '../../base/bytes.ts';
import { EngineError } from '../../base/errors.ts';
import type { Generation } from '../../engine/generation.ts';
import type { Model } from '../../model/model.ts';
import { headline } from '../../plan/explain.ts';
import type { Plan } from '../../plan/plan.ts';
import { ConversationFile } from '../conversation-file.ts';
import { grammarFromOptions } from '../form-options.ts';
import { interruptible, interruptibleBlocking, throwIfInterrupted } from '../interrupt.ts';
import type { ChosenModel } from '../locate-model.ts';
import { openModel } from '../open-model.ts';
import { idleThoughts } from '../options/idle-thoughts.ts';
import { keepsPrompts, modelSettingsOf } from '../options/model-settings.ts';
import { idleParameters } from '../options/parameters.ts';
import type { Settings } from '../options/table.ts';
import { AnswerPrinter } from '../print/answer-printer.ts';
import { note, warn, writeJson } from '../print/output.ts';
import { Progress } from '../print/progress.ts';
import { slowStart } from '../print/slow-start.ts';
import { deviceLine, timings } from '../print/timings.ts';
import { hasInput, preparePrompt, readPrompt } from '../prompt.ts';

const continued =
  'the model has no chat template, so the prompt is gone on with as it is; --chat-template chatml makes a conversation of it';

/** Answers one prompt; at a terminal without one, talks. */
export async function runCommand(settings: Settings, chosen: ChosenModel, words: readonly string[]): Promise<void> {
  const given = withWords(settings, words);
  if (given.prompt === undefined && process.stdin.isTTY && process.stdout.isTTY && talks(given)) {
    const { chatCommand } = await import('./chat.ts');
    return chatCommand(given, chosen);
  }
  return interruptible((abort) => answer(chosen, given, abort));
}

/** The settings with the prompt that stands behind the model. */
function withWords(settings: Settings, words: readonly string[]): Settings {
  if (words.length === 0) return settings;
  const prompt = words.join(' ');
  if (settings.prompt === undefined) return { ...settings, prompt };
  throw new EngineError('BAD_OPTION', {
    option: '--prompt',
    value: settings.prompt,
    expected: `one prompt, not ${prompt} too`,
  });
}

/** True if nothing was asked for that only one answer can have. */
const talks = ({ raw, json, jsonSchema, gbnf }: Settings): boolean =>
  !raw && !json && jsonSchema === undefined && gbnf === undefined;

async function answer(chosen: ChosenModel, options: Settings, abort: AbortController): Promise<void> {
  const { signal } = abort;
  using session = options.session === undefined ? undefined : await ConversationFile.open(options.session);
  const grammar = await grammarFromOptions(options, () => addAbortSignal(signal, process.stdin));
  // A text may still come while the model is opened.
  const input = options.prompt === undefined || inputIsForm(options) ? undefined : hasInput();
  await using model = await openModel(chosen, options);
  const idle = [
    ...idleParameters(options, model.recommended, { prefix: '--' }),
    ...idleThoughts(options, model.prompts.thinks),
  ];
  for (const line of idle) warn(new Error(line));
  if (process.stderr.isTTY && !options.raw && !model.prompts.hasTemplate) note(continued);
  const prompt = await promptOf(options, model, { input: (await input) ?? false, signal });
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
    const how = auto ? ' (auto)' : '';
    note(`memory budget ${formatBytes(plan.budget)}${how}; ${headline(plan, model.hitRate)}`);
  }
  if (process.stderr.isTTY) {
    const line = await slowStartOf(model, plan, { ...chosen, settings: options, prompt: tokens.length });
    await throwIfInterrupted(signal);
    if (line) note(line);
  }

  await model.start(plan);
  await session?.restore(model);
  using loading = new Progress('loading');
  using progress = new Progress('prompt');
  const generation = model.generate(prepared, {
    ...options,
    grammar,
    signal,
    onLoad: (done, total) => (done < total ? loading.update({ done, total }) : loading.clear()),
    onPrompt: ({ tokens: done, total, bytes }) =>
      done < total ? progress.update({ done, total, bytes }) : progress.clear(),
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

/** A line that says beforehand that an answer will be slow, where weights stream. */
async function slowStartOf(
  { outline, device }: Model,
  plan: Plan,
  { preset, settings, prompt }: Pick<ChosenModel, 'preset'> & { readonly settings: Settings; readonly prompt: number },
): Promise<string | undefined> {
  if (plan.bytesPerPass === 0 && !plan.experts) return undefined;
  // A card is not opened twice.
  if (device.kind !== 'cpu') return undefined;
  const { FirstCalibrations, memoryWithin } = await import('../first-calibration.ts');
  const { Outlook } = await import('../forecast.ts');
  const options = { ...modelSettingsOf(settings), preset };
  const calibrations = new FirstCalibrations({ memory: memoryWithin(plan.budget) });
  using outlook = new Outlook(outline, options, { calibrations, prompt, hurried: true });
  const expected = await outlook.expect();
  return expected.speed ? slowStart(expected.speed, await outlook.faster(expected)) : undefined;
}

/** A line about the part of the prompt that an earlier command had computed, where prompts are kept. */
function fromCache(settings: Settings, { stats, promptTokens }: Generation): readonly string[] {
  if (!stats || !keepsPrompts(settings)) return [];
  return [`cache    ${stats.prefill.cached} of ${promptTokens} tokens of the prompt were there`];
}

/** True if stdin holds the form of the answer. */
const inputIsForm = ({ jsonSchema, gbnf }: Settings): boolean => [jsonSchema, gbnf].includes('-');

/** The prompt that was given, behind the text that stdin holds; `input` says that it holds one. */
async function promptOf(
  options: Settings,
  model: Model,
  { input, signal }: { readonly input: boolean; readonly signal: AbortSignal },
): Promise<string> {
  const { prompt } = options;
  if (prompt === undefined && (process.stdin.isTTY || inputIsForm(options))) throw new EngineError('NO_PROMPT', {});
  if (prompt !== undefined && !input) return prompt;
  const text = await readPrompt(addAbortSignal(signal, process.stdin), model, options);
  return prompt === undefined ? text : [text, prompt].filter(Boolean).join('\n\n');
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
