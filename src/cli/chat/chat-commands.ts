import { EngineError } from '../../base/errors.ts';
import type { PartialSamplingOptions } from '../../sample/sampling-options.ts';
import { idleParameters, parameterNamed, parameterNames, parameterRows, withParameter } from '../options/parameters.ts';
import { columns } from '../print/columns.ts';
import { printable } from '../print/printable.ts';
import type { ChatTurns } from './chat-turns.ts';

type Row = readonly [name: string, value: string];

/** The context of a conversation. */
export interface ChatContext {
  /** Facts about the model and the plan, for `/show`. */
  readonly facts: readonly Row[];
  /** Tokens that the context holds. */
  readonly context: number;
  /** Sampling that comes with the model. */
  readonly recommended: PartialSamplingOptions;
}

/** A command's reply, safe to print; and whether the conversation is over. */
export interface Reply {
  readonly lines: readonly string[];
  readonly leave?: boolean;
}

interface ChatCommand {
  readonly names: readonly string[];
  /** The argument behind the name. */
  readonly takes?: string;
  readonly about: string;
  readonly run: (conversation: ChatTurns, argument: string | undefined, context: ChatContext) => Reply;
}

const say = (...lines: readonly string[]): Reply => ({ lines });

const commands: readonly ChatCommand[] = [
  { names: ['clear'], about: 'forget what was said; the system prompt stays', run: clear },
  {
    names: ['system'],
    takes: '[TEXT]',
    about: 'show the system prompt, or set it; what was said stays; /system "" removes it',
    run: system,
  },
  {
    names: ['set'],
    takes: 'parameter NAME VALUE',
    about: 'change how answers are chosen; /set lists the parameters',
    run: set,
  },
  { names: ['show'], about: 'show the model, the context in use, the parameters and the system prompt', run: show },
  { names: ['help', '?'], about: 'show this', run: help },
  { names: ['bye', 'exit'], about: 'leave, as does Ctrl-D', run: () => ({ lines: [], leave: true }) },
];

/** Completions of a slash. */
export const slashCompletions: readonly string[] = [
  ...commands.flatMap(({ names }) => names.map((name) => `/${name}`)),
  ...parameterNames.map((name) => `/set parameter ${name} `),
];

/** Runs a command; its errors are part of the reply. */
export function dispatchCommand(
  conversation: ChatTurns,
  { name, argument }: { readonly name: string; readonly argument: string | undefined },
  context: ChatContext,
): Reply {
  const command = commands.find(({ names }) => names.includes(name.toLowerCase()));
  if (command) return command.run(conversation, argument, context);
  return say(
    `There is no command /${printable(name)}; these are: ${commands.map(({ names }) => `/${names[0]}`).join(', ')}.`,
    'A message that begins with a slash is written with two: //',
  );
}

function clear(conversation: ChatTurns): Reply {
  conversation.clear();
  return say('What was said is forgotten.');
}

function system(conversation: ChatTurns, argument: string | undefined): Reply {
  if (argument === undefined) return say(...systemLines(conversation));
  const none = argument.trim() === '' || argument === '""';
  conversation.system = none ? undefined : argument;
  return say(none ? 'There is no system prompt any more.' : 'The system prompt is set.');
}

const systemLines = ({ system }: ChatTurns): readonly string[] =>
  system === undefined
    ? ['no system prompt']
    : ['system prompt', ...system.split('\n').map((line) => `  ${printable(line)}`)];

function set(conversation: ChatTurns, argument: string = '', { recommended }: ChatContext): Reply {
  const [, name = '', value = ''] = /^(?:parameter(?:\s+|$))?(\S*)\s*(.*)$/s.exec(argument) ?? [];
  if (name === '') return say(...table(parameterRows(conversation.parameters)));
  try {
    const changed = parameterNamed(name);
    if (value !== '') conversation.parameters = withParameter(conversation.parameters, changed, value);
    return say(
      ...table(parameterRows(conversation.parameters).filter(([name]) => name === changed)),
      ...idleParameters(conversation.parameters, recommended, { prefix: '', only: changed }),
    );
  } catch (error) {
    if (error instanceof EngineError) return say(printable(error.message));
    throw error;
  }
}

function show(conversation: ChatTurns, _: string | undefined, { facts, context }: ChatContext): Reply {
  const messages = conversation.turns.length;
  const used = `${conversation.tokens} of ${context} tokens, ${messages} messages`;
  return say(
    ...table([...facts, ['context', used]]),
    'parameters',
    ...table(parameterRows(conversation.parameters)),
    ...systemLines(conversation),
  );
}

function help(): Reply {
  return say(
    ...table([
      ...commands.map(({ names, takes = '', about }) => [`/${names.join(', /')} ${takes}`.trimEnd(), about] as const),
      ['"""', 'begin a message of several lines, and end it'],
      ['//', 'begin a message that begins with a slash'],
      ['Ctrl-C', 'stop an answer; clear a line'],
    ]),
  );
}

/** Rows in columns, indented, and safe to print. */
const table = (rows: readonly Row[]): readonly string[] => columns(rows).map((line) => printable(`  ${line}`));
