import type { Reading } from '../text-source.ts';
import type { CallOutput } from './call-output.ts';

const [channelMark, messageMark] = ['<|channel|>', '<|message|>'];
const ends = ['<|end|>', '<|call|>', '<|return|>', '<|start|>'];
/** Texts that structure an answer; control tokens, all of them. */
export const harmonyTexts: readonly string[] = [channelMark, messageMark, '<|constrain|>', ...ends];
/** Units of a message's head; more is text. */
const mostHead = 512;

/**
 * Reads an answer as gpt-oss writes it: messages with a channel and a receiver. Thoughts stand in the channel `analysis`,
 * calls are messages to `functions.NAME`. Messages to any other receiver are for tools that nobody has, and dropped.
 */
export function* harmony(output: CallOutput, opened: boolean): Reading<void> {
  const { source, parts, tools } = output;
  const take = {
    content: (text: string): void => parts.text(text),
    thinking: (text: string): void => parts.thinking(text),
    call: (text: string): void => output.argument(text),
    nothing: (): void => {},
  };
  // Text without a head goes on with a message that the prompt has begun.
  let without = opened ? take.thinking : take.content;
  output.thinking = opened;
  for (;;) {
    const head = yield* readHead(output);
    if (head === undefined) {
      if (!(yield* source.more())) return;
      yield* source.until(ends, without);
      without = take.content;
      output.thinking = false;
      yield* source.skipAny(ends);
      continue;
    }
    const receiver = / to=([\w.-]+)/.exec(head)?.[1];
    const channel = head.slice(head.lastIndexOf(channelMark) + channelMark.length).trim();
    const name = receiver?.startsWith('functions.') === true ? receiver.slice('functions.'.length) : undefined;
    if (name !== undefined && tools.has(name)) output.begin(name);
    const kind =
      receiver === undefined || receiver === 'assistant'
        ? channel.startsWith('analysis')
          ? 'thinking'
          : 'content'
        : name !== undefined && tools.has(name)
          ? 'call'
          : 'nothing';
    output.thinking = kind === 'thinking';
    yield* source.until(ends, (text) => {
      take[kind](text);
      source.commit();
    });
    output.thinking = false;
    yield* source.skipAny(ends);
  }
}

/** The head of a message, which is moved over. Undefined where none stands here. */
function* readHead({ source }: CallOutput): Reading<string | undefined> {
  const start = source.position;
  yield* source.space();
  yield* source.skip('<|start|>');
  yield* source.skip('assistant');
  const begun = (yield* source.at(' to=')) || (yield* source.at('to=')) || (yield* source.at(channelMark));
  const head = begun ? yield* source.textUntil([messageMark], mostHead) : undefined;
  if (head === undefined) source.position = start;
  else yield* source.skip(messageMark);
  return head === undefined ? undefined : ` ${head}`;
}
