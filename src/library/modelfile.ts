import { EngineError } from '../base/errors.ts';
import type { Message } from '../chat/message.ts';
import { parameterValue } from '../model/preset-parameters.ts';

/** The content of a Modelfile: the model that it begins with, and what is added to that. */
export interface Modelfile {
  /** A name, or a file's path. */
  readonly from: string;
  readonly adapters: readonly string[];
  readonly licenses: readonly string[];
  readonly system?: string | undefined;
  readonly template?: string | undefined;
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  readonly messages?: readonly Message[] | undefined;
  /** Instructions that change nothing here, with the reasons. */
  readonly unused: readonly string[];
}

interface Instruction {
  /** In capitals: "PARAMETER". */
  readonly name: string;
  /** The word before the text, where the instruction has one: "temperature". */
  readonly key: string;
  readonly text: string;
  readonly line: number;
}

/** Instructions whose text has a word of its own before it. */
const keyed: ReadonlySet<string> = new Set(['PARAMETER', 'MESSAGE']);
const roles: ReadonlySet<string> = new Set(['system', 'user', 'assistant']);
const instructionNames = 'FROM, PARAMETER, TEMPLATE, SYSTEM, MESSAGE, ADAPTER or LICENSE';

const wrong = (line: number, value: string, expected: string): EngineError =>
  new EngineError('BAD_OPTION', { option: `line ${line} of the Modelfile:`, value, expected });

/** The instructions of a Modelfile, in their order. A text in quotes, one or three, may have several lines. */
function* instructionsOf(source: string): Generator<Instruction> {
  const text = source.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
  const lineAt = (place: number): number => text.slice(0, place).split('\n').length;
  const between = /(?:\s|#.*(?:\n|$))*/y;
  const opening = /([a-z]+)(?:[ \t]+(\w+))?(?=[ \t]|\n|$)/iy;
  for (let place = 0; ; ) {
    between.lastIndex = place;
    between.exec(text);
    place = between.lastIndex;
    if (place === text.length) return;
    const line = lineAt(place);
    const first = /^[^\s]*/.exec(text.slice(place, place + 80))?.[0] ?? '';
    opening.lastIndex = place;
    const [, word = '', key = ''] = opening.exec(text) ?? [];
    const name = word.toUpperCase();
    if (name === '') throw wrong(line, first, instructionNames);
    place += word.length + (keyed.has(name) ? text.slice(place + word.length).search(/\S|$/) + key.length : 0);
    const { value, end } = valueAt(text, place, line);
    yield { name, key: keyed.has(name) ? key : '', text: value, line };
    place = end;
  }
}

/** The text of an instruction that begins at a place, and where it ends. */
function valueAt(text: string, place: number, line: number): { readonly value: string; readonly end: number } {
  const begin = place + text.slice(place).search(/[^ \t]|$/);
  const quotes = text.startsWith('"""', begin) ? '"""' : text.startsWith('"', begin) ? '"' : '';
  if (quotes === '') {
    const end = begin + text.slice(begin).search(/\n|$/);
    return { value: text.slice(begin, end).trim(), end };
  }
  // Quotes close a text only where its line ends behind them.
  const closing = new RegExp(`${quotes}[ \\t]*(?=\\n|$)`, 'g');
  closing.lastIndex = begin + quotes.length;
  const found = closing.exec(text);
  if (!found) throw wrong(line, text.slice(begin, begin + 40), `${quotes} at the end of the text that begins so`);
  return { value: text.slice(begin + quotes.length, found.index), end: closing.lastIndex };
}

/** Reads a Modelfile. Throws BAD_OPTION with the number of the line, also for what is not supported. */
export function parseModelfile(source: string): Modelfile {
  let from: string | undefined;
  const texts: { template?: string; system?: string } = {};
  const parameters: Record<string, unknown> = Object.create(null);
  const messages: Message[] = [];
  const [adapters, licenses, unused]: [string[], string[], string[]] = [[], [], []];
  for (const { name, key, text, line } of instructionsOf(source)) {
    if (text === '' && name !== 'SYSTEM' && name !== 'TEMPLATE') throw wrong(line, name, 'a text behind it');
    switch (name) {
      case 'FROM':
        if (from !== undefined) throw wrong(line, 'FROM', 'no second model: what models see with is not supported');
        from = text;
        break;
      case 'TEMPLATE':
        texts.template = text;
        break;
      case 'SYSTEM':
        texts.system = text;
        break;
      case 'PARAMETER': {
        const { value, reason } = parameterValue(key.toLowerCase(), text);
        if (value === undefined) throw wrong(line, `${key} ${text}`, reason);
        if (reason !== '') unused.push(`PARAMETER ${key}: ${reason}`);
        const earlier = parameters[key.toLowerCase()];
        parameters[key.toLowerCase()] = Array.isArray(value)
          ? [...(Array.isArray(earlier) ? earlier : []), ...value]
          : value;
        break;
      }
      case 'MESSAGE':
        if (!roles.has(key)) throw wrong(line, key, 'a role: system, user or assistant');
        messages.push({ role: key, content: text });
        break;
      case 'ADAPTER':
        adapters.push(text);
        break;
      case 'LICENSE':
        licenses.push(text);
        break;
      case 'REQUIRES':
        break;
      case 'RENDERER':
      case 'PARSER':
        unused.push(`${name}: the chat template decides`);
        break;
      case 'DRAFT':
        throw wrong(line, 'DRAFT', 'none: a draft model is named when a model is run, with --draft-model');
      default:
        throw wrong(line, name, instructionNames);
    }
  }
  if (from === undefined) throw wrong(1, 'a text without FROM', 'a line "FROM name", or "FROM file.gguf"');
  return {
    from,
    adapters,
    licenses,
    unused,
    ...texts,
    ...(messages.length > 0 && { messages }),
    ...(Object.keys(parameters).length > 0 && { parameters: { ...parameters } }),
  };
}

/** A text as an instruction takes it: in quotes, where it would not be read as it is without. */
const quoted = (text: string): string =>
  text !== '' && text === text.trim() && !/[\n"]/.test(text) ? text : `"""${text}"""`;

/** Writes a Modelfile, which `parseModelfile` reads as it was, unless a text has three quotes at the end of a line. */
export function formatModelfile(file: Omit<Modelfile, 'unused'>): string {
  const { from, adapters, licenses, template, system, parameters = {}, messages = [] } = file;
  const lines = [
    `FROM ${quoted(from)}`,
    ...adapters.map((adapter) => `ADAPTER ${quoted(adapter)}`),
    ...(template === undefined ? [] : [`TEMPLATE ${quoted(template)}`]),
    ...(system === undefined ? [] : [`SYSTEM ${quoted(system)}`]),
    ...parameterLines(parameters).map(([key, value]) => `PARAMETER ${key} ${quoted(value)}`),
    ...messages.map(({ role, content }) => `MESSAGE ${role} ${quoted(content)}`),
    ...licenses.map((license) => `LICENSE ${quoted(license)}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Parameters as lines have them: one with several values is several. */
export const parameterLines = (
  parameters: Readonly<Record<string, unknown>>,
  print: (value: unknown) => string = String,
): readonly (readonly [name: string, value: string])[] =>
  Object.entries(parameters).flatMap(([key, value]) => [value].flat().map((one) => [key, print(one)] as const));
