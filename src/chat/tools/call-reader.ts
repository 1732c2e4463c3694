import type { AnswerPart, PartReader } from '../answer-part.ts';
import type { Tool, ToolChoice } from '../message.ts';
import { type Reading, TextSource } from '../text-source.ts';
import { type CallFormat, messageSyntaxOf } from './call-format.ts';
import { CallOutput } from './call-output.ts';
import { elementCall } from './element-calls.ts';
import { jsonCalls } from './json-calls.ts';
import { messages } from './message-calls.ts';
import { namedCall } from './named-calls.ts';
import { PartList } from './part-list.ts';
import { pythonCalls } from './python-calls.ts';
import { taggedCall } from './tagged-calls.ts';
import { ToolSet } from './tool-set.ts';

/** Calls that an answer may have. */
export interface ReadableCalls {
  readonly format: CallFormat;
  /** Tools that can be called; text that calls another is content. */
  readonly tools: readonly Tool[];
  readonly choice: ToolChoice;
  /** False where an answer has one call at most. */
  readonly parallel: boolean;
}

interface CallReaderOptions extends Omit<ReadableCalls, 'choice' | 'parallel'> {
  readonly parallel?: boolean;
  /** True if the prompt ends within thoughts. */
  readonly opened?: boolean;
}

/** Texts that models write between calls without marks. */
const separators = [',', ';'];

/**
 * Takes calls of known tools out of an answer, as soon as their names are known. Text that only looks like a call is
 * content. Arguments are handed over as the model writes them; what is no JSON object becomes one.
 */
export class CallReader implements PartReader {
  readonly #source = new TextSource();
  readonly #parts: PartList;
  readonly #reading: Reading<void>;
  readonly #output: CallOutput;

  /** A reader of calls that get ids of `newId` where the model gives none. */
  constructor({ format, tools, parallel = true, opened = false }: CallReaderOptions, newId: () => string) {
    this.#parts = new PartList(newId, parallel ? Number.POSITIVE_INFINITY : 1);
    this.#output = new CallOutput(this.#source, this.#parts, new ToolSet(tools));
    const made = messageSyntaxOf(format);
    this.#reading = made ? messages(this.#output, made, opened) : answer(this.#output, format);
  }

  get thinking(): boolean {
    return this.#output.thinking;
  }

  push(text: string): readonly AnswerPart[] {
    this.#source.push(text);
    this.#reading.next();
    return this.#parts.take();
  }

  end(whole = false): readonly AnswerPart[] {
    if (!whole) this.#parts.cutOff();
    this.#source.end();
    this.#reading.next();
    this.#parts.endCall();
    return this.#parts.take();
  }
}

/** Reads an answer: content, and calls in it. White space beside calls is dropped. */
function* answer(output: CallOutput, format: CallFormat): Reading<void> {
  const { source, parts } = output;
  const { drops = [] } = format;
  const marks = [...format.begins, ...(format.around ?? []), ...drops];
  // White space that may stand before a call, or behind the last one.
  let held = '';
  let written = false;
  let behindCall = false;
  const content = (text: string): void => {
    held += text;
    const end = held.trimEnd();
    if (end !== '') {
      parts.text(behindCall && !written ? end.trimStart() : end);
      held = held.slice(end.length);
      [written, behindCall] = [true, false];
    }
    source.commit();
  };
  const called = function* (bare: boolean): Reading<boolean> {
    const found = yield* calls(output, format, bare);
    if (found) [held, behindCall] = ['', true];
    return found;
  };
  if (format.bare === true) yield* called(true);
  for (;;) {
    const mark = yield* source.until(marks, content);
    if (mark === undefined) break;
    if (drops.includes(mark)) source.position += mark.length;
    else if (!(yield* called(false))) content(yield* source.next());
  }
  if (!behindCall) parts.text(held);
}

/** Reads the calls that stand here, and the texts around them. False where none does, and nothing was read. */
function* calls(output: CallOutput, format: CallFormat, bare: boolean): Reading<boolean> {
  const { source } = output;
  const around = format.around ?? [];
  for (let found = false; ; found = true) {
    let start = source.position;
    yield* source.space();
    if (found && format.bare === true) yield* source.skipAny(separators);
    yield* source.space();
    while ((yield* source.skipAny(around)) !== undefined) {
      // The texts around a call that was read belong to it.
      if (found) start = source.position;
      yield* source.space();
    }
    const begun = (yield* source.skipAny(format.begins)) !== undefined;
    // A text around calls that is cut off belongs to them too.
    if (found && source.endsWithin([...around, ...format.begins])) {
      source.skipRest();
      return true;
    }
    if (begun || bare || (found && format.bare === true)) {
      yield* source.space();
      if (format.contentName !== undefined && (yield* source.skip(format.contentName))) return true;
      if (yield* call(output, format)) continue;
    }
    source.position = start;
    return found;
  }
}

function* call(output: CallOutput, { syntax }: CallFormat): Reading<boolean> {
  switch (syntax.kind) {
    case 'json':
      return yield* jsonCalls(output, syntax);
    case 'named':
      return yield* namedCall(output, syntax);
    case 'tagged':
      return yield* taggedCall(output, syntax);
    case 'elements':
      return yield* elementCall(output, syntax);
    case 'python':
      return yield* pythonCalls(output);
    case 'messages':
      return false;
    default:
      return syntax satisfies never;
  }
}
