/** Variables of a template beside the tokens: `messages`, `tools`, `add_generation_prompt` and more. */
export type Variables = Readonly<Record<string, unknown>>;

type Message = Readonly<Record<string, unknown>>;

const system = (content: string): Message => ({ role: 'system', content });
const user = (content: unknown): Message => ({ role: 'user', content });
const assistant = (content: unknown, more: Message = {}): Message => ({ role: 'assistant', content, ...more });

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a place, "now" or <later>.\nIn two lines.',
    parameters: {
      type: 'object',
      properties: {
        place: { type: 'string', description: 'Name of the place: Zürich, 東京' },
        days: { type: 'integer', description: 'How many days', default: 1, minimum: 0 },
        unit: { type: 'string', enum: ['celsius', 'fahrenheit'] },
        near: {
          type: 'object',
          description: 'A point',
          properties: { lat: { type: 'number' }, lon: { type: ['number', 'null'] } },
          required: ['lat'],
        },
        tags: { type: 'array', items: { type: 'string' } },
      },
      required: ['place'],
    },
    return: { type: 'object', properties: { celsius: { type: 'number' } } },
  },
};
const clock = {
  type: 'function',
  function: { name: 'now', description: '', parameters: { type: 'object', properties: {} } },
};
const tools = [weather, clock];

const call = (id: string, name: string, args: unknown): Message => ({
  id,
  type: 'function',
  function: { name, arguments: args },
});
const lookUp = call('abc123def', 'get_weather', { place: 'Zürich', days: 2, near: { lat: 47.4, lon: null }, tags: [] });
const asText = call('xyz987uvw', 'get_weather', '{"place": "Oslo", "days": 1.5}');
const tell = call('now000001', 'now', {});
const result = (id: string, content: unknown): Message => ({
  role: 'tool',
  name: 'get_weather',
  tool_call_id: id,
  content,
});

const code = Array.from(
  { length: 60 },
  (_, i) => `${' '.repeat((i % 5) * 4)}if x[${i}] < y && z > "q": # {{ no }} {% raw %}`,
).join('\n');
const unicode = 'Grüße 👩🏽‍💻, Ελληνικός ΟΔΥΣΣΕΥΣ, 日本語、العربية, e\u0301, \u00a0\u2028\ufeff end';

/** Conversations of all kinds by name; each is rendered with and without a prompt for the answer. */
const conversations: Readonly<Record<string, Variables>> = {
  question: { messages: [user('Hi')] },
  'with a system message': { messages: [system('You are brief.'), user('Hi')] },
  turns: { messages: [user('Hi'), assistant('Hello.'), user('And now?')] },
  'turns with a system message': {
    messages: [
      system(' Be brief.\n'),
      user('Hi '),
      assistant('\nHello. '),
      user('  And now?'),
      assistant('Bye'),
      user('?'),
    ],
  },
  'empty content': { messages: [system(''), user(''), assistant(''), user('')] },
  'only a system message': { messages: [system('You are brief.')] },
  'no messages': { messages: [] },
  'two users in a row': { messages: [user('One'), user('Two')] },
  'an assistant first': { messages: [assistant('Welcome.'), user('Hi')] },
  prefill: { messages: [user('Say yes'), assistant('Yes, and')], continue_final_message: true },
  'a thought in the content': {
    messages: [
      user('2+2?'),
      assistant('<think>\nTwo and two.\n</think>\n\n4'),
      user('3+3?'),
      assistant('<think>x</think>6'),
    ],
  },
  'a thought beside the content': {
    messages: [
      user('2+2?'),
      assistant('4', { reasoning_content: 'Two\nand two.', thinking: 'Two\nand two.' }),
      user('3+3?'),
    ],
  },
  'thinking wanted': { messages: [user('2+2?')], enable_thinking: true, thinking: true, reasoning_effort: 'high' },
  'thinking not wanted': {
    messages: [system('Be brief. /no_think'), user('2+2?'), assistant('4'), user('5?')],
    enable_thinking: false,
    thinking: false,
    reasoning_effort: 'low',
  },
  unicode: { messages: [system(unicode), user(unicode), assistant(unicode), user(unicode)] },
  'long code': { messages: [user(code), assistant(`\`\`\`py\n${code}\n\`\`\``), user('{{ messages }}{% if %}{# #}')] },
  'tools offered': { messages: [user('Weather in Zürich?')], tools },
  'tools offered with a system message': { messages: [system('Be brief.'), user('Weather?')], tools },
  'no tools': { messages: [user('Hi')], tools: [] },
  'a tool called': {
    messages: [user('Weather?'), assistant('', { tool_calls: [lookUp] }), result('abc123def', '{"celsius": 21.5}')],
    tools,
  },
  'a tool called without content': {
    messages: [
      user('Weather?'),
      assistant(null, { tool_calls: [lookUp] }),
      result('abc123def', 'sunny'),
      assistant('Sun.'),
    ],
    tools,
  },
  'two tools called': {
    messages: [
      system('Be brief.'),
      user('Weather and time?'),
      assistant('Let me see.', { tool_calls: [lookUp, tell], reasoning_content: 'Both.' }),
      result('abc123def', 'sunny'),
      { role: 'tool', name: 'now', tool_call_id: 'now000001', content: '12:00' },
      assistant('Sunny at noon.'),
      user('Thanks'),
    ],
    tools,
  },
  'arguments as a text': {
    messages: [user('Weather?'), assistant('', { tool_calls: [asText] }), result('xyz987uvw', '-3')],
    tools,
  },
  'a call without type and id': {
    messages: [
      user('Now?'),
      assistant('', { tool_calls: [{ function: { name: 'now', arguments: {} } }] }),
      result('', '1'),
    ],
    tools,
  },
  'content in parts': {
    messages: [
      system('Be brief.'),
      user([
        { type: 'text', text: 'What is ' },
        { type: 'text', text: 'this?' },
      ]),
      assistant([{ type: 'text', text: 'A text.' }]),
      user([{ type: 'text', text: 'Sure?' }]),
    ],
  },
  'a picture': { messages: [user([{ type: 'image' }, { type: 'text', text: 'What is this?' }])] },
  'a developer and a tool that was not called': {
    messages: [
      { role: 'developer', content: 'Be brief.' },
      user('Hi'),
      result('none', 'x'),
      { role: 'odd', content: 'y' },
    ],
  },
  documents: {
    messages: [user('What do they say?')],
    documents: [
      { title: 'One', text: 'First\ntext', doc_id: 1 },
      { title: 'Two', text: 'Second', doc_id: 2 },
    ],
  },
  'twenty turns': {
    messages: Array.from({ length: 41 }, (_, i) =>
      i % 2 === 0 ? user(`Question ${i}`) : assistant(`<think>${i}</think>Answer ${i}`),
    ),
  },
};

/** All variables to render a template with, by name. */
export const cases: readonly (readonly [string, Variables])[] = Object.entries(conversations).flatMap(
  ([name, variables]) =>
    [true, false].map((prompt): readonly [string, Variables] => [
      prompt ? name : `${name}, no prompt`,
      { bos_token: '<s>', eos_token: '</s>', add_generation_prompt: prompt, ...variables },
    ]),
);
