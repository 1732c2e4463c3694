import { attempt } from '../base/attempt.ts';
import { GoTemplate } from '../gotemplate/template.ts';
import { GoFields, type GoValue, goJson, List, sortedKeys, toValue } from '../gotemplate/values.ts';
import type { Limits } from '../jinja/meter.ts';

/** True for a chat template in Go's notation, as Ollama has them. */
export const isGoTemplate = (source: string): boolean =>
  !source.includes('{%') &&
  /\{\{-?\s*(?:[.$(]|\/\*|(?:if|range|with|define|block|template|json|printf?|currentDate)\b\s*[-"$.(}a-z])/.test(
    source,
  );

interface Settings {
  readonly limits: Limits;
  readonly now?: Date;
}

/** A message as Hugging Face's templates know it. */
interface GivenMessage {
  readonly role: string;
  readonly content?: string | null;
  readonly thinking?: string;
  readonly tool_calls?: readonly {
    readonly id?: string;
    readonly function: { readonly name: string; readonly arguments: unknown };
  }[];
  readonly name?: string;
  readonly tool_call_id?: string;
}

type Schema = Readonly<Record<string, unknown>>;

interface GivenTool {
  readonly function: { readonly name: string; readonly description?: string; readonly parameters?: Schema };
}

const day = 86_400_000;
const dateOf = (date: Date): string =>
  [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0')).join('-');

/**
 * A chat template of Ollama's: Go's notation, over messages, or over a system text, a prompt and an answer, turn by turn. It
 * takes the variables that Hugging Face's templates have.
 */
export class OllamaTemplate {
  readonly #template: GoTemplate;
  /** True if it goes over messages itself. */
  readonly #takesMessages: boolean;
  readonly #thinks: boolean;
  #now: Date = new Date();

  /** Throws TemplateError. */
  constructor(source: string) {
    const template = new GoTemplate(source, {
      currentDate: () => dateOf(this.#now),
      yesterdayDate: () => dateOf(new Date(this.#now.getTime() - day)),
      toTypeScriptType: ([property]) => typeScriptType(property),
    });
    const { names } = template;
    this.#takesMessages = names.has('messages');
    this.#thinks = names.has('thinking');
    const shows = this.#takesMessages || names.has('response');
    this.#template = shows ? template : template.followedBy([printsResponse]);
  }

  /** Texts in its actions, which it may look for in messages. */
  get literals(): readonly string[] {
    return this.#template.literals;
  }

  /** The prompt. Throws TemplateError, LimitError. */
  render(variables: Readonly<Record<string, unknown>>, { limits, now = new Date() }: Settings): string {
    this.#now = now;
    const { enable_thinking: think, reasoning_effort: effort, tools } = variables;
    const settings: readonly (readonly [string, GoValue])[] = [
      // A model that can think does, unless it is told not to.
      ['Think', typeof think === 'boolean' ? think : this.#thinks],
      ['ThinkLevel', typeof effort === 'string' ? effort : ''],
      ['IsThinkSet', typeof think === 'boolean' || this.#thinks],
    ];
    const { system, messages } = collated(variables['messages'] as readonly GivenMessage[]);
    if (!this.#takesMessages) return this.#turns(messages, settings, limits);
    const fields: readonly (readonly [string, GoValue])[] = [
      ['System', system],
      ['Messages', new List(messages.map(messageValue))],
      ['Tools', toolsValue((tools ?? []) as readonly GivenTool[])],
      ['Response', ''],
      ...settings,
    ];
    return this.#template.render(new GoFields('map', fields), { limits });
  }

  /** The prompt by a template of one turn: each is put through it, the last one up to the answer. */
  #turns(messages: readonly GivenMessage[], settings: readonly (readonly [string, GoValue])[], limits: Limits): string {
    let turn = { System: '', Prompt: '', Response: '' };
    let text = '';
    const run = (template: GoTemplate): void => {
      const left = { ...limits, output: limits.output - text.length };
      text += template.render(new GoFields('map', [...Object.entries(turn), ...settings]), { limits: left });
      turn = { System: '', Prompt: '', Response: '' };
    };
    for (const { role, content } of messages) {
      const said = content ?? '';
      if (role === 'system') {
        if (turn.Prompt !== '' || turn.Response !== '') run(this.#template);
        turn.System = said;
      } else if (role === 'user') {
        if (turn.Response !== '') run(this.#template);
        turn.Prompt = said;
      } else if (role === 'assistant') turn.Response = said;
    }
    run(this.#template.upTo('Response'));
    return text;
  }
}

/** An action that prints the answer, for templates that have none. */
const printsResponse = {
  kind: 'action',
  pipeline: {
    commands: [[{ kind: 'field', of: { kind: 'dot' }, name: 'Response' }]],
    variables: [],
    declares: false,
    line: 0,
  },
} as const;

/** Messages whose neighbours of one role are joined, and all system messages as one text. */
function collated(messages: readonly GivenMessage[]): {
  readonly system: string;
  readonly messages: readonly GivenMessage[];
} {
  const joined: GivenMessage[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    if (last && last.role === message.role && message.role !== 'tool') {
      joined[joined.length - 1] = { ...last, content: `${last.content ?? ''}\n\n${message.content ?? ''}` };
    } else joined.push(message);
  }
  const system = messages.filter(({ role }) => role === 'system').map(({ content }) => content ?? '');
  return { system: system.join('\n\n'), messages: joined };
}

/** The forms of a value that prints as its JSON: templates want that of functions too, which Ollama forgot in between. */
const printedAs = (json: unknown): { readonly json: unknown; readonly text: () => string } => ({
  json,
  text: () => goJson(json),
});

const struct = (fields: Readonly<Record<string, GoValue>>, json?: unknown): GoFields =>
  new GoFields('struct', Object.entries(fields), json === undefined ? {} : printedAs(json));

const messageValue = (message: GivenMessage): GoValue =>
  struct({
    Role: message.role,
    Content: message.content ?? '',
    Thinking: message.thinking ?? '',
    Images: new List([]),
    ToolCalls: callsValue(message.tool_calls ?? []),
    ToolName: message.name ?? '',
    ToolCallID: message.tool_call_id ?? '',
  });

/** Calls; none are nil, which only JSON tells from an empty list. */
const callsValue = (calls: NonNullable<GivenMessage['tool_calls']>): GoValue =>
  new List(
    calls.map(({ id = '', function: called }, i) =>
      struct({
        ID: id,
        Function: struct({ Index: i, Name: called.name, Arguments: argumentsValue(called.arguments) }),
      }),
    ),
    calls.length === 0 ? { json: null } : {},
  );

function argumentsValue(given: unknown): GoValue {
  const value = typeof given === 'string' ? attempt(() => JSON.parse(given) as unknown) : given;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return String(given);
  return new GoFields('map', [...(toValue(value) as GoFields).entries], { text: () => goJson(sortedKeys(value)) });
}

function toolsValue(tools: readonly GivenTool[]): GoValue {
  const all = tools.map(toolValue);
  return new List(all, { text: () => goJson(all.map(({ forms }) => forms.json)) });
}

/** The members of an object that say something, in this order. */
const said = (members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(members).filter(
      ([, one]) => one !== undefined && one !== '' && !(Array.isArray(one) && one.length === 0),
    ),
  );

function toolValue({ function: { name, description = '', parameters = {} } }: GivenTool): GoFields {
  const { type = '', $defs, items, required, properties } = parameters;
  const each = Object.entries((properties ?? {}) as Readonly<Record<string, Schema>>)
    .map(([key, one]) => [key, propertyValue(one)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const jsons = Object.fromEntries(each.map(([key, { forms }]) => [key, forms.json]));
  const shown = {
    type,
    ...said({ $defs: sortedKeys($defs), items: sortedKeys(items), required }),
    properties: properties === undefined ? null : jsons,
  };
  const called = { name, description, parameters: shown };
  return struct(
    {
      Type: 'function',
      Items: undefined,
      Function: new GoFields(
        'struct',
        [
          ['Name', name],
          ['Description', description],
          [
            'Parameters',
            new GoFields(
              'struct',
              [
                ['Type', String(type)],
                ['Defs', toValue($defs)],
                ['Items', toValue(items)],
                ['Required', toValue(required ?? [])],
                ['Properties', new GoFields('map', each, printedAs(jsons))],
              ],
              printedAs(shown),
            ),
          ],
        ],
        printedAs(called),
      ),
    },
    { type: 'function', function: called },
  );
}

/** A property of a tool's arguments. Its type prints without brackets where it is one. */
function propertyValue({ anyOf, type, items, description, enum: values, properties, required }: Schema): GoFields {
  const types = type === undefined ? [] : [type].flat().map(String);
  const json = said({
    anyOf: Array.isArray(anyOf) ? anyOf.map((one) => propertyValue(one as Schema).forms.json) : undefined,
    type: types.length === 1 ? types[0] : types,
    items: sortedKeys(items),
    description,
    enum: sortedKeys(values),
    properties:
      properties === undefined
        ? undefined
        : Object.fromEntries(
            Object.entries(properties as Readonly<Record<string, Schema>>).map(([key, one]) => [
              key,
              propertyValue(one).forms.json,
            ]),
          ),
    required,
  });
  const typeText = types.length === 1 ? String(types[0]) : types.length === 0 ? '' : `[${types.join(' ')}]`;
  return new GoFields(
    'struct',
    [
      ['AnyOf', new List(Array.isArray(anyOf) ? anyOf.map((one) => propertyValue(one as Schema)) : [])],
      ['Type', new List(types, { text: () => typeText, json: json['type'] ?? null })],
      ['Items', toValue(items)],
      ['Description', typeof description === 'string' ? description : ''],
      ['Enum', Array.isArray(values) ? toValue(values) : new List([], { json: null })],
      ['Properties', toValue(properties)],
      ['Required', toValue(required ?? [])],
    ],
    { json },
  );
}

const typeScriptTypes: Readonly<Record<string, string>> = {
  string: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  array: 'any[]',
  object: 'Record<string, any>',
  null: 'null',
};

/** A property's type as TypeScript has it. */
function typeScriptType(property: GoValue): string {
  if (!(property instanceof GoFields)) return 'any';
  const [anyOf, types] = [property.entries.get('AnyOf'), property.entries.get('Type')];
  if (anyOf instanceof List && anyOf.items.length > 0) return anyOf.items.map(typeScriptType).join(' | ');
  if (!(types instanceof List) || types.items.length === 0) return 'any';
  return types.items.map((type) => typeScriptTypes[String(type)] ?? 'any').join(' | ');
}
