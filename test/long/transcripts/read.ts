import type { Tool } from '../../../src/chat/message.ts';
import { CppReader, type Method, type Named, type Value } from './cpp.ts';

/** A message as the tests expect it. */
export interface Expected {
  readonly content: string;
  readonly thinking: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string; readonly id: string }[];
}

/** An answer with the parts that it has by llama.cpp's tests. */
export interface Transcript {
  /** Name and line, for messages. */
  readonly name: string;
  /** File of the chat template in `models/templates`. */
  readonly template: string;
  readonly input: string;
  readonly tools: readonly Tool[];
  /** False where the text ends in the middle. */
  readonly whole: boolean;
  readonly thinks: boolean;
  /** False where thoughts are left in the content. */
  readonly readsThoughts: boolean;
  readonly schema: boolean;
  /** The begin of the answer, which the model goes on with. */
  readonly begun: Expected | undefined;
  readonly expected: Expected;
}

const text = (value: Value): string => (typeof value === 'string' ? value : '');
const list = (value: Value): readonly Value[] => (Array.isArray(value) ? value : []);

const message = (content: Value, thinking: Value, calls: readonly Expected['calls'][number][]): Value =>
  ({ content: text(content), thinking: text(thinking), calls }) as unknown as Value;

const call = (name: Value, args: Value, id?: Value): Expected['calls'][number] => ({
  name: text(name),
  arguments: text(args),
  id: text(id),
});

/** Functions of the tests that make messages. */
const functions: Readonly<Record<string, (...values: readonly Value[]) => Value>> = {
  simple_assist_msg: (content, thinking, name, args, id) =>
    message(content, thinking, text(name) === '' && text(id) === '' ? [] : [call(name, args, id)]),
  message_with_tool_calls: (name, args) => message('', '', [call(name, args)]),
  message_with_tool_calls_and_reasoning: (name, args, thinking) => message('', thinking, [call(name, args)]),
  message_with_reasoning_and_tool_call: (thinking, name, args) => message('', thinking, [call(name, args)]),
  message_with_content_and_tool_call: (content, name, args) => message(content, '', [call(name, args)]),
  message_with_reasoning_content_and_multiple_tool_calls: (thinking, content, calls) =>
    message(
      content,
      thinking,
      list(calls).map((one) => call(list(one)[0], list(one)[1])),
    ),
};

const toolOf = (value: Value): Tool => {
  const [name, description, parameters] = list(value);
  return { name: text(name), description: text(description), parameters: JSON.parse(text(parameters)) };
};

/** Constants of the tests: messages, tools and texts. */
function constantsOf(source: string): ReadonlyMap<string, Value> {
  const known = new Map<string, Value>(Object.entries(functions));
  const definition =
    /(?:const common_chat_msg|static common_chat_tool|static std::vector<common_chat_tool>|const char \*|const std::string|auto)\s+(\w+)\s*(=|(?=\{))/g;
  for (const match of source.matchAll(definition)) {
    const name = match[1] as string;
    if (name === 'tst' || name === 'tst2') continue;
    try {
      known.set(name, new CppReader(source, match.index + match[0].length, known).value());
    } catch {
      // Other code than such a constant.
    }
  }
  return known;
}

/** Lists of files that loops run over, by the variable and the place. */
function filesOf(source: string, argument: string, at: number): readonly string[] {
  if (argument.startsWith('"')) return [argument.slice(1, -1)];
  const loops = [...source.matchAll(/for \(const (?:char \*|auto &) (\w+) :\s*\{([^}]*)\}\)\s*\{\s*(\w+)/g)];
  const own = loops.findLast((loop) => loop.index < at && loop[1] === argument);
  const through = /static void (\w+)\([^)]*\) \{\s*$/.exec(
    source.slice(0, at).slice(0, source.slice(0, at).lastIndexOf('{') + 1),
  )?.[1];
  const loop = own ?? loops.find((one) => one[3] === through);
  return [...(loop?.[2] ?? '').matchAll(/"([^"]+)"/g)].map((match) => match[1] as string);
}

const nothing: Expected = { content: '', thinking: '', calls: [] };

function transcriptOf(template: string, name: string, input: string, methods: readonly Method[]): Transcript {
  const values = (method: string): readonly Value[] | undefined =>
    methods.findLast((one) => one.name === method)?.values;
  const first = (method: string): Value => values(method)?.[0];
  const base = (first('expect') as unknown as Expected | undefined) ?? nothing;
  const calls = values('expect_tool_calls');
  const format = (first('reasoning_format') as Named | undefined)?.name;
  return {
    name,
    template: template.replace('models/templates/', ''),
    input,
    tools: list(first('tools')).map(toolOf),
    whole: first('is_partial') !== true,
    thinks: first('enable_thinking') !== false,
    readsThoughts: format !== undefined && !format.endsWith('NONE'),
    schema: values('json_schema') !== undefined,
    begun: first('continue_final_message') ? (list(first('messages')).at(-1) as unknown as Expected) : undefined,
    expected: {
      content: values('expect_content') ? text(first('expect_content')) : base.content,
      thinking: values('expect_reasoning') ? text(first('expect_reasoning')) : base.thinking,
      calls: calls ? list(calls[0]).map((one) => call(list(one)[0], list(one)[1], list(one)[2])) : base.calls,
    },
  };
}

/** The transcripts of `tests/test-chat.cpp`, and what could not be read of it. */
export function readTranscripts(file: string): { readonly transcripts: Transcript[]; readonly unread: string[] } {
  // Tests that are left out there are lines of comments; what stands behind them keeps its line.
  const source = file.replace(/^[ \t]*\/\/.*$/gm, '');
  const known = constantsOf(source);
  const [transcripts, unread]: [Transcript[], string[]] = [[], []];
  const testers = [...source.matchAll(/auto (\w+) += peg_tester\(\s*("[^"]+"|\w+)/g)];
  for (const match of source.matchAll(/\b(tst2?)\.test\(/g)) {
    const line = source.slice(0, match.index).split('\n').length;
    const tester = testers.findLast((one) => one.index < match.index && one[1] === match[1]);
    try {
      const reader = new CppReader(source, match.index + (match[1] as string).length, known);
      const [test, ...methods] = reader.methods();
      const input = text(test?.values[0]);
      if (!tester || !test) throw new Error('there is no tester');
      for (const file of filesOf(source, tester[2] as string, tester.index)) {
        transcripts.push(transcriptOf(file, `${file.replace(/.*\/|\.jinja$/g, '')}, line ${line}`, input, methods));
      }
    } catch (error) {
      unread.push(`line ${line}: ${(error as Error).message}`);
    }
  }
  return { transcripts, unread };
}
