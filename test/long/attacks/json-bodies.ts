/** A body that is not what an endpoint expects. */
export interface Body {
  readonly name: string;
  readonly path: string;
  readonly body: string | Buffer;
}

const model = '"model":"victim"';
/** Few tokens: what is asked for is not the point. */
const few = `${model},"stream":false,"options":{"num_predict":2},"max_tokens":2`;
const message = '"messages":[{"role":"user","content":"hello"}]';

const generate = (name: string, rest: string): Body => ({ name, path: '/api/generate', body: `{${few},${rest}}` });
const chat = (name: string, rest: string): Body => ({ name, path: '/v1/chat/completions', body: `{${few},${rest}}` });
const nested = (levels: number, open = '[', shut = ']'): string => open.repeat(levels) + shut.repeat(levels);
const many = (count: number, what: string): string => Array<string>(count).fill(what).join(',');

const syntax: readonly Body[] = [
  '',
  ' ',
  'null',
  'true',
  '0',
  '"text"',
  '[]',
  '[[]]',
  '{}',
  '{',
  '{"model"',
  '{"model":}',
  '{"model":"victim",}',
  "{'model':'victim'}",
  '{model:"victim"}',
  '{"model":"victim"} {"model":"victim"}',
  '{"model":"victim"}x',
  '{"model":"victim" /* comment */}',
  '{"model":NaN}',
  '{"model":Infinity}',
  '{"model":undefined}',
  '{"model":01}',
  '{"model":"vic\ntim"}',
  '{"model":"\\x41"}',
  '{"model":"\\u12"}',
  '\ufeff{"model":"victim"}',
  '\0{"model":"victim"}',
  'model=victim&prompt=hello',
  '<model>victim</model>',
].map((body) => ({ name: `the text ${JSON.stringify(body)}`, path: '/api/show', body }));

const sizes: readonly Body[] = [
  { name: 'arrays in arrays, a million deep', path: '/api/chat', body: nested(1e6) },
  { name: 'arrays in arrays, without an end', path: '/api/chat', body: '['.repeat(4e6) },
  { name: 'objects in objects', path: '/api/chat', body: nested(1e6, '{"a":', '}').replace('}', '1}') },
  generate('a prompt in arrays', `"prompt":${nested(250)}`),
  { name: 'millions of objects', path: '/api/show', body: `{${model},"y":[${many(2_700_000, '{}')}]}` },
  { name: 'millions of arrays', path: '/api/show', body: `{${model},"y":[${many(2_700_000, '[]')}]}` },
  { name: 'millions of numbers', path: '/v1/completions', body: `{${model},"y":[${many(4_000_000, '1')}]}` },
  {
    name: 'a million keys',
    path: '/api/chat',
    body: `{${Array.from({ length: 600_000 }, (_, i) => `"${i}":1`).join()}}`,
  },
  { name: 'one key, a million times', path: '/api/chat', body: `{${many(1_000_000, '"a":1')}}` },
  { name: 'a key of 7 MB', path: '/api/chat', body: `{"${'k'.repeat(7e6)}":1}` },
  { name: 'a name of 7 MB', path: '/api/show', body: `{"model":"${'m'.repeat(7e6)}"}` },
  { name: 'two million tokens', path: '/detokenize', body: `{${model},"tokens":[${many(2 ** 20, '90')}]}` },
  {
    name: 'a text of a million characters',
    path: '/tokenize',
    body: `{${model},"content":"${'hello '.repeat(170_000)}"}`,
  },
  { name: 'a text of wide characters', path: '/tokenize', body: `{${model},"content":"${'海風'.repeat(500_000)}"}` },
  generate('a prompt of 4 MB', `"prompt":"${'word '.repeat(8e5)}"`),
  generate('a prompt of one word of 4 MB', `"prompt":"${'w'.repeat(4e6)}"`),
  generate('a prompt of wide characters', `"prompt":"${'海風'.repeat(600_000)}"`),
  generate('a prompt of escapes', `"prompt":"${'\\u0041'.repeat(1e6)}"`),
  generate('a context of a million tokens', `"prompt":"x","context":[${many(1e6, '5')}]`),
  chat('a hundred thousand messages', `"messages":[${many(100_000, '{"role":"user","content":"a"}')}]`),
  chat(
    'a hundred thousand parts',
    `"messages":[{"role":"user","content":[${many(100_000, '{"type":"text","text":"a"}')}]}]`,
  ),
  chat('a hundred thousand stop texts', `${message},"stop":[${many(100_000, '"s"')}]`),
  chat('a stop text of 4 MB', `${message},"stop":"${'s'.repeat(4e6)}"`),
  chat('a hundred thousand biases', `${message},"logit_bias":{${Array.from({ length: 1e5 }, (_, i) => `"${i}":1`)}}`),
  { name: 'ten thousand prompts', path: '/v1/completions', body: `{${few},"prompt":[${many(10_000, '"a"')}]}` },
];

const numbers: readonly Body[] = [
  '1e400',
  '-1e400',
  '1e-400',
  '-0',
  '9007199254740993',
  `1${'0'.repeat(400)}`,
  `0.${'0'.repeat(100_000)}1`,
  `1${'0'.repeat(1e6)}`,
].flatMap((number) => [
  generate(`num_predict of ${number.slice(0, 20)}`, `"prompt":"x","options":{"num_predict":${number},"num_ctx":128}`),
  chat(`a seed of ${number.slice(0, 20)}`, `${message},"seed":${number}`),
]);

const texts: readonly Body[] = [
  '\\u0000',
  '\\ud800',
  '\\udfff\\ud800',
  '\\uffff\\ufffe',
  '\\u202e\\u2066',
  '\\u001b[2J\\u001b]0;x\\u0007',
  'e\\u0301'.repeat(5),
  '\\ud83d\\udc68\\u200d\\ud83d\\udc69\\u200d\\ud83d\\udc67'.repeat(3),
  'a\\u0300'.repeat(50),
  '<|im_end|><|im_start|>system',
  '</s><s>',
  '{{ 7 * 7 }}{% for x in y %}',
  '$(touch x); `id`',
  '%s%n%x',
].map((text) => generate(`a prompt of ${text.slice(0, 30)}`, `"prompt":"${text}"`));

const invalidUtf8: readonly Body[] = [[0x80], [0xff, 0xfe], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf0, 0x9f]].map(
  (bytes) => ({
    name: `bytes ${Buffer.from(bytes).toString('hex')}, which are no UTF-8`,
    path: '/api/generate',
    body: Buffer.concat([Buffer.from(`{${few},"prompt":"a`), Buffer.from(bytes), Buffer.from('"}')]),
  }),
);

const keys: readonly Body[] = [
  generate('__proto__', '"prompt":"x","__proto__":{"stream":true,"admin":true}'),
  generate('__proto__ among the options', '"prompt":"x","options":{"__proto__":{"num_predict":1}}'),
  generate('constructor', '"prompt":"x","constructor":{"prototype":{"polluted":1}}'),
  generate('toString', '"prompt":"x","toString":1,"valueOf":2,"hasOwnProperty":3'),
  generate('the model named twice', '"model":"other","prompt":"x","model":"victim"'),
  generate('the prompt named twice', '"prompt":"x","prompt":["y"]'),
  generate('an empty key', '"prompt":"x","":1'),
  chat('a message called __proto__', '"messages":{"__proto__":[{"role":"user","content":"x"}],"length":1}'),
  chat('biases of __proto__', `${message},"logit_bias":{"__proto__":1,"constructor":1}`),
  chat('a role of __proto__', '"messages":[{"role":"__proto__","content":"x"}]'),
  { name: 'a model of __proto__', path: '/api/show', body: '{"model":"__proto__"}' },
  { name: 'a model of constructor', path: '/api/show', body: '{"model":"constructor"}' },
];

/** Bodies that were made up one by one. */
export const odd: readonly Body[] = [...syntax, ...sizes, ...numbers, ...texts, ...invalidUtf8, ...keys];

const answerFields = 'model stream options keep_alive truncate logprobs top_logprobs think format template';
const samplingFields =
  'model n stream stream_options max_tokens stop seed temperature top_p top_k min_p repeat_penalty presence_penalty frequency_penalty logit_bias num_ctx keep_alive';
const optionFields =
  'num_ctx num_predict seed stop temperature top_k top_p min_p repeat_penalty repeat_last_n presence_penalty frequency_penalty';
/** Endpoints, each with a sound body, and the fields that it knows. A field may be inside of another one. */
const endpoints: readonly (readonly [path: string, sound: object, fields: string])[] = [
  ['/api/generate', { prompt: 'x' }, `${answerFields} prompt system context raw suffix images num_predict`],
  ['/api/chat', { messages: [{ role: 'user', content: 'x' }] }, `${answerFields} messages tools`],
  [
    '/v1/chat/completions',
    { messages: [{ role: 'user', content: 'x' }] },
    `${samplingFields} messages max_completion_tokens logprobs top_logprobs tools tool_choice functions response_format modalities audio`,
  ],
  ['/v1/completions', { prompt: 'x' }, `${samplingFields} prompt echo logprobs best_of suffix`],
  ['/api/show', {}, 'model name verbose'],
  ['/api/delete', { model: 'nobody' }, 'model name'],
  ['/tokenize', { content: 'x' }, 'model content add_special parse_special with_pieces'],
  ['/detokenize', { tokens: [5] }, 'model tokens'],
  ['/apply-template', { messages: [{ role: 'user', content: 'x' }] }, 'model messages chat_template_kwargs'],
];
const wrong: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  1e300,
  '',
  'x',
  [],
  [null],
  [[]],
  [-1, 'x'],
  {},
  { a: { b: [1] } },
  [{ role: 'user' }],
  [{ role: 7, content: {} }],
];

const bounded = { model: 'victim', options: { num_predict: 2 }, max_tokens: 2, stream: false };
const fieldBodies = endpoints.flatMap(([path, sound, fields]) =>
  fields.split(' ').flatMap((field) =>
    wrong.map((value) => ({
      name: `${path} with ${field} ${JSON.stringify(value)}`,
      path,
      body: JSON.stringify({ ...bounded, ...sound, [field]: value }),
    })),
  ),
);
const optionBodies = optionFields.split(' ').flatMap((field) =>
  wrong.map((value) => ({
    name: `the option ${field} ${JSON.stringify(value)}`,
    path: '/api/generate',
    body: JSON.stringify({ ...bounded, prompt: 'x', options: { num_predict: 2, [field]: value } }),
  })),
);

/** A value of a wrong type in every field of every endpoint. */
export const mistyped: readonly Body[] = [...fieldBodies, ...optionBodies];
