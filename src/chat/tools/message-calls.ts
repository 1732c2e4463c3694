import type { Reading } from '../text-source.ts';
import type { CallOutput } from './call-output.ts';
import { type TaggedSyntax, taggedCall } from './tagged-calls.ts';

/** Answers made of messages, whose heads tell thoughts, text and calls apart: a call has a tool as its receiver. */
export interface MessageSyntax {
  readonly kind: 'messages';
  /** Texts of which one begins a head, behind the role. */
  readonly headBegins: readonly string[];
  readonly headEnd: string;
  /** Texts of which one ends a message. */
  readonly ends: readonly string[];
  /** Receivers of thoughts and texts; others are tools, or nobody. */
  readonly own: readonly string[];
  /** Heads of thoughts. */
  readonly thinks: RegExp;
  /** Stands in front of a tool's name. */
  readonly prefix: string;
  /** Heads of thoughts and of text as models write them, and the texts between two messages. */
  readonly written: { readonly thoughts: string; readonly text: string; readonly next: readonly [string, string] };
  /** Calls in a message to a tool; undefined: the message is the JSON of the arguments. */
  readonly calls?: { readonly around: readonly string[]; readonly begin: string; readonly syntax: TaggedSyntax };
}

/** Units of a message's head; more is text. */
const mostHead = 512;

/** Texts that structure an answer; control tokens, most of them. */
export const messageTexts = ({ headBegins, headEnd, ends, written }: MessageSyntax): readonly string[] => [
  ...headBegins,
  headEnd,
  ...ends,
  written.thoughts,
  written.text,
  ...written.next,
];

type MessageKind = 'thoughts' | 'text' | 'call' | 'nothing';

/** Reads an answer. `opened` is true where the prompt has begun thoughts. */
export function* messages(output: CallOutput, syntax: MessageSyntax, opened: boolean): Reading<void> {
  const { source, parts } = output;
  const { ends, calls } = syntax;
  const take: Readonly<Record<MessageKind, (text: string) => void>> = {
    text: (text) => parts.text(text),
    thoughts: (text) => parts.thinking(text),
    call: (text) => output.argument(text),
    nothing: () => {},
  };
  // Text without a head goes on with a message that the prompt has begun.
  let without = opened ? take.thoughts : take.text;
  output.thinking = opened;
  for (;;) {
    const head = yield* readHead(output, syntax);
    if (head === undefined) {
      if (!(yield* source.more())) return;
      yield* source.until(ends, without);
      without = take.text;
      output.thinking = false;
      yield* source.skipAny(ends);
      continue;
    }
    const { kind, tool } = messageOf(head, output, syntax);
    output.thinking = kind === 'thoughts';
    if (kind === 'call' && !calls) output.begin(tool);
    if (kind === 'call' && calls) yield* taggedCalls(output, calls);
    const content = kind === 'call' && calls ? take.nothing : take[kind];
    yield* source.until(ends, (text) => {
      content(text);
      source.commit();
    });
    output.thinking = false;
    yield* source.skipAny(ends);
  }
}

/** The kind of a message, by its head. */
function messageOf(
  head: string,
  { tools }: CallOutput,
  { own, thinks, prefix }: MessageSyntax,
): { readonly kind: MessageKind; readonly tool: string } {
  const receiver = / to=([^\s<]+)/.exec(head)?.[1];
  if (receiver === undefined || own.includes(receiver))
    return { kind: thinks.test(head) ? 'thoughts' : 'text', tool: '' };
  const tool = receiver.startsWith(prefix) ? receiver.slice(prefix.length) : '';
  return { kind: tools.has(tool) ? 'call' : 'nothing', tool };
}

function* taggedCalls(
  output: CallOutput,
  { around, begin, syntax }: NonNullable<MessageSyntax['calls']>,
): Reading<void> {
  const { source } = output;
  do {
    yield* source.space();
    while ((yield* source.skipAny(around)) !== undefined) yield* source.space();
  } while ((yield* source.skip(begin)) && (yield* taggedCall(output, syntax)));
}

/** The head of a message, which is moved over. Undefined where none stands here. */
function* readHead({ source }: CallOutput, { headBegins, headEnd }: MessageSyntax): Reading<string | undefined> {
  const start = source.position;
  yield* source.space();
  yield* source.skip('<|start|>');
  yield* source.skip('assistant');
  let begun = false;
  for (const begin of headBegins) begun ||= yield* source.at(begin);
  const head = begun ? yield* source.textUntil([headEnd], mostHead) : undefined;
  if (head === undefined) source.position = start;
  else yield* source.skip(headEnd);
  return head === undefined ? undefined : ` ${head}`;
}
