import { createReadStream } from 'node:fs';
import { addAbortSignal } from 'node:stream';
import { at } from '../../base/at.ts';
import { EngineError } from '../../base/errors.ts';
import { reasonOf } from '../../base/regular-file.ts';
import type { Model } from '../../model/model.ts';
import { interruptible } from '../interrupt.ts';
import type { ChosenModel } from '../locate-model.ts';
import { openModel } from '../open-model.ts';
import type { Settings } from '../options/table.ts';
import { write } from '../print/output.ts';
import { Progress } from '../print/progress.ts';
import { textLines } from '../text-lines.ts';

/** Texts that are embedded and printed together: a file of any length takes the memory of so many. */
const atOnce = 64;

/** Prints the embeddings of texts: those of the command line, or each line of a file. */
export const embedCommand = (settings: Settings, chosen: ChosenModel, texts: readonly string[]): Promise<void> =>
  interruptible(async ({ signal }) => {
    if (texts.length > 0 && settings.file !== undefined) {
      const expected = 'texts or a file of them, not both';
      throw new EngineError('BAD_OPTION', { option: '--file', value: settings.file, expected });
    }
    await using model = await openModel(chosen, settings, { parallel: 'auto', embeds: true });
    const groups = texts.length > 0 ? [texts] : grouped(lines(settings.file, signal));
    await printEmbeddings(model, groups, { ...settings, signal });
  });

interface EmbeddedLine {
  readonly index: number;
  readonly text: string;
  readonly vector: Float32Array;
}

/** An embedding in each format; those of `json` are parts of one list. */
const formats: Readonly<Record<Settings['format'], (line: EmbeddedLine) => string>> = {
  plain: ({ vector }) => `${numbersOf(vector).join(' ')}\n`,
  jsonl: ({ index, text, vector }) => `${JSON.stringify({ index, text, embedding: numbersOf(vector) })}\n`,
  json: ({ index, vector }) => `${index === 0 ? '{"embeddings":[' : ','}\n${JSON.stringify(numbersOf(vector))}`,
};

/** Numbers with the digits that float32 has. */
const numbersOf = (vector: Float32Array): number[] => Array.from(vector, (x) => Number(x.toPrecision(9)));

interface EmbedSettings extends Pick<Settings, 'format' | 'dimensions' | 'truncate'> {
  readonly signal: AbortSignal;
}

async function printEmbeddings(
  model: Model,
  groups: AsyncIterable<readonly string[]> | Iterable<readonly string[]>,
  { format, dimensions, truncate, signal }: EmbedSettings,
): Promise<void> {
  let [index, tokens] = [0, 0];
  for await (const group of groups) {
    using loading = new Progress('loading');
    using progress = new Progress('embedding');
    const embedded = await model.embed(group, {
      dimensions,
      truncate,
      signal,
      onLoad: (done, total) => (done < total ? loading.update({ done, total }) : loading.clear()),
      onProgress: (done, total) => (done < total ? progress.update({ done, total }) : progress.clear()),
    });
    for (const [i, vector] of embedded.vectors.entries()) {
      await write(formats[format]({ index, text: at(group, i), vector }));
      index += 1;
    }
    tokens += embedded.tokens;
  }
  if (index === 0) throw new EngineError('NO_TEXTS', {});
  if (format === 'json') await write(`\n],"tokens":${tokens}}\n`);
}

/** The lines of a file, or of stdin: those that are empty are left out. Rejects with UNREADABLE. */
async function* lines(file: string | undefined, signal: AbortSignal): AsyncGenerator<string, void, void> {
  const isStdin = file === undefined || file === '-';
  if (isStdin && process.stdin.isTTY && file === undefined) throw new EngineError('NO_TEXTS', {});
  const input = addAbortSignal(signal, isStdin ? process.stdin : createReadStream(file));
  try {
    yield* textLines(input);
  } catch (cause) {
    signal.throwIfAborted();
    throw new EngineError('UNREADABLE', { file: file ?? 'stdin', reason: reasonOf(cause) }, { cause });
  }
}

async function* grouped(texts: AsyncIterable<string>): AsyncGenerator<readonly string[], void, void> {
  let group: string[] = [];
  for await (const text of texts) {
    group.push(text);
    if (group.length < atOnce) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
