import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { samplingOptions } from '../../sample/sampling-options.ts';
import { Refusal } from '../refusal.ts';
import { jsonBody } from '../request/body.ts';
import { ChatBody, CompletionBody, type OpenAiChatRequest, type OpenAiCompletionRequest } from './requests.ts';

const sent = (body: unknown): { raw: Request } => ({
  raw: new Request('http://localhost/', { method: 'POST', body: JSON.stringify(body) }),
});
const chat = (given: object): Promise<OpenAiChatRequest> =>
  jsonBody(sent({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...given }), ChatBody, 'strict');
const completion = (given: object): Promise<OpenAiCompletionRequest> =>
  jsonBody(sent({ model: 'm', prompt: 'Once', ...given }), CompletionBody, 'strict');

const refuses = (request: Promise<unknown>, param: string | null, code = 'invalid_value'): Promise<void> =>
  assert.rejects(request, (e) => {
    assert.ok(e instanceof Refusal);
    assert.deepEqual([e.status, e.param, e.code], [400, param, code]);
    // The field, what was expected of it, and what came.
    const said = /^\S+: (expected .+, (not .+|but it is missing)|asks for .+|.*not supported yet.*)$/;
    assert.match(e.message, said);
    return true;
  });

test('where a client says nothing, the request says nothing of sampling', async () => {
  const { model, n, stream, usage, generation } = await chat({});
  assert.deepEqual([model, n, stream, usage], ['m', 1, false, false]);
  assert.deepEqual(
    [generation.maxTokens, generation.stop, generation.logprobs, generation.context, generation.logitBias],
    [undefined, [], ...nothing(3)],
  );
  assert.deepEqual(generation.sampling, {});
});

const nothing = (n: number): readonly undefined[] => Array.from({ length: n }, () => undefined);

const fields = [
  'n stream stream_options max_tokens max_completion_tokens stop seed temperature top_p top_k min_p repeat_penalty',
  'presence_penalty frequency_penalty logit_bias logprobs top_logprobs num_ctx keep_alive tools tool_choice functions',
  'response_format modalities audio suffix user metadata store',
].flatMap((line) => line.split(' '));

test('null is as good as not given', async () => {
  const nulls = Object.fromEntries(fields.map((field) => [field, null]));
  assert.deepEqual(await chat(nulls), await chat({}));
  assert.deepEqual(await completion({ ...nulls, echo: null, best_of: null }), await completion({}));
});

test('what asks for nothing is no reason to refuse, and unknown fields are ignored', async () => {
  const harmless = { tools: [], functions: [], response_format: { type: 'text' }, modalities: ['text'], suffix: '' };
  assert.deepEqual(await chat({ ...harmless, user: 'x' }), await chat({}));
});

test('every option reaches the ask', async () => {
  const { generation, n, stream, usage, keepAlive, biases } = await chat({
    n: 8,
    stream: true,
    stream_options: { include_usage: true, include_obfuscation: false },
    max_tokens: 5,
    stop: ['a', '', 'b', 'c', 'd', 'e'],
    seed: 42,
    temperature: 0.5,
    top_p: 0.9,
    top_k: 40,
    min_p: 0.1,
    repeat_penalty: 1.1,
    presence_penalty: -2,
    frequency_penalty: 2,
    logit_bias: { 50256: -100 },
    logprobs: true,
    top_logprobs: 20,
    num_ctx: 512,
    keep_alive: '5m',
    reasoning_budget_tokens: 0,
  });
  assert.deepEqual([n, stream, usage, keepAlive, biases], [8, true, true, 300, [[50256, -100]]]);
  assert.deepEqual(generation, {
    sampling: {
      temperature: 0.5,
      topP: 0.9,
      topK: 40,
      minP: 0.1,
      repeatPenalty: 1.1,
      presencePenalty: -2,
      frequencyPenalty: 2,
      seed: 42,
    },
    maxTokens: 5,
    thinkBudget: 0,
    stop: ['a', 'b', 'c', 'd', 'e'],
    logprobs: 20,
    context: 512,
    loras: undefined,
    ignoreEnd: undefined,
    grammar: undefined,
  });
});

test('a completion has 16 tokens where nothing is said, and as many as the context allows where -1 is', async () => {
  assert.equal((await completion({})).generation.maxTokens, 16);
  assert.equal((await completion({ max_tokens: 300 })).generation.maxTokens, 300);
  assert.equal((await completion({ max_tokens: -1 })).generation.maxTokens, undefined);
});

test('max_completion_tokens wins over max_tokens, and -1 is no limit', async () => {
  const most = async (given: object): Promise<number | undefined> => (await chat(given)).generation.maxTokens;
  assert.equal(await most({ max_tokens: 5, max_completion_tokens: 7 }), 7);
  assert.equal(await most({ max_tokens: 5 }), 5);
  assert.equal(await most({ max_tokens: 0 }), 0);
  assert.equal(await most({ max_tokens: -1 }), undefined);
});

test('one stop text is a list of one, and logprobs alone ask for no others', async () => {
  const { generation } = await chat({ stop: '\n', logprobs: true });
  assert.deepEqual([generation.stop, generation.logprobs], [['\n'], 0]);
  assert.equal((await completion({ logprobs: 5 })).generation.logprobs, 5);
});

test('any whole number is a seed that the sampler takes; a negative one asks for none', () =>
  fc.assert(
    fc.asyncProperty(fc.maxSafeInteger(), async (seed) => {
      const { sampling } = (await chat({ seed })).generation;
      assert.equal(samplingOptions(sampling).seed === undefined, seed < 0);
    }),
  ));

test('a message is a text or parts with text; a developer is the system', async () => {
  const parts = [
    { type: 'text', text: 'a' },
    { type: 'text', text: 'b' },
  ];
  const { conversation } = await chat({
    messages: [
      { role: 'developer', content: 'Be brief.' },
      { role: 'System', content: parts, name: 'x' },
      { role: 'user', content: '' },
      { role: 'assistant', content: null, tool_calls: [] },
      { role: 'assistant' },
    ],
  });
  assert.deepEqual(conversation.messages, [
    { role: 'system', content: 'Be brief.' },
    { role: 'system', content: 'a\nb' },
    { role: 'user', content: '' },
    { role: 'assistant', content: '' },
    { role: 'assistant', content: '' },
  ]);
});

test('calls of tools, their results and thoughts are parts of a conversation', async () => {
  const call = { id: 'x', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
  const { conversation } = await chat({
    messages: [
      { role: 'assistant', content: null, tool_calls: [call], reasoning_content: 'Ask f.' },
      { role: 'tool', content: '4', tool_call_id: 'x', name: 'f' },
      { role: 'assistant', function_call: call.function, reasoning: 'Again.' },
      { role: 'function', content: '5', name: 'f' },
    ],
  });
  assert.deepEqual(conversation.messages, [
    {
      role: 'assistant',
      content: '',
      thinking: 'Ask f.',
      toolCalls: [{ id: 'x', name: 'f', arguments: '{"a":1}' }],
    },
    { role: 'tool', content: '4', toolName: 'f', toolCallId: 'x' },
    {
      role: 'assistant',
      content: '',
      thinking: 'Again.',
      toolCalls: [{ id: 'call_0', name: 'f', arguments: '{"a":1}' }],
    },
    { role: 'tool', content: '5', toolName: 'f' },
  ]);
});

test('the effort of thinking and arguments for the template are parts of a conversation', async () => {
  const messages = [{ role: 'user', content: 'Hi' }];
  const conversation = async (given: object): Promise<unknown> => (await chat({ messages, ...given })).conversation;
  assert.deepEqual(await conversation({}), { messages });
  assert.deepEqual(await conversation({ reasoning_effort: 'low' }), { messages, think: 'low' });
  assert.deepEqual(await conversation({ reasoning: { effort: 'none' } }), { messages, think: false });
  const templateArguments = { enable_thinking: false };
  assert.deepEqual(await conversation({ chat_template_kwargs: templateArguments }), { messages, templateArguments });
});

test('a conversation says whether it goes on with its last message, and whether control tokens in it count', async () => {
  const messages = [{ role: 'user', content: 'Hi' }];
  const conversation = async (given: object): Promise<unknown> => (await chat({ messages, ...given })).conversation;
  assert.deepEqual(await conversation({ add_generation_prompt: false, continue_final_message: true }), {
    messages,
    addGenerationPrompt: false,
    continueLast: true,
  });
  assert.deepEqual(await conversation({ parse_special: true }), { messages, parseSpecial: true });
  assert.deepEqual(await conversation({ parse_special: false }), { messages });
});

test('a budget of thoughts has two names, and -1 is no limit', async () => {
  const most = async (given: object): Promise<number | undefined> => (await chat(given)).generation.thinkBudget;
  assert.equal(await most({ reasoning_budget_tokens: 0 }), 0);
  assert.equal(await most({ thinking_budget_tokens: 9 }), 9);
  assert.equal(await most({ thinking_budget_tokens: -1 }), undefined);
});

test('the form of an answer reaches the ask, and a wrong one is refused by name', async () => {
  const json_schema = { name: 'x', schema: { type: 'object' } };
  const grammar = { kind: 'schema', schema: json_schema.schema };
  assert.deepEqual((await chat({ response_format: { type: 'json_schema', json_schema } })).generation.grammar, grammar);
  assert.deepEqual((await completion({ guided_json: json_schema.schema })).generation.grammar, grammar);
  assert.equal((await chat({ response_format: {} })).generation.grammar, undefined);
  await refuses(chat({ response_format: { type: 'json_schema', json_schema: {} } }), 'response_format');
  await refuses(completion({ grammar: 'root ::= "a"', guided_regex: 'a' }), 'guided_regex');
});

test('what is not supported is refused by name', async () => {
  const image = { type: 'image_url', image_url: { url: 'data:' } };
  for (const [given, param] of [
    [{ functions: [{ name: 'f' }] }, 'functions'],
    [{ modalities: ['text', 'audio'] }, 'modalities'],
    [{ audio: { voice: 'alloy' } }, 'audio'],
    [{ messages: [{ role: 'user', content: [{ type: 'text', text: 'a' }, image] }] }, 'messages[0].content[1].type'],
  ] as const) {
    await refuses(chat(given), param, 'not_supported');
  }
  await refuses(completion({ suffix: 'end', prompt: [1, 2] }), 'suffix', 'invalid_value');
  await refuses(completion({ best_of: 3 }), 'best_of', 'not_supported');
  await refuses(completion({ echo: true, logprobs: 1 }), 'logprobs', 'not_supported');
  assert.equal((await completion({ best_of: 3, n: 3 })).n, 3);
});

test('what is wrong is refused by name', async () => {
  for (const [given, param] of [
    [{ model: 5 }, 'model'],
    [{ messages: undefined }, 'messages'],
    [{ messages: [] }, 'messages'],
    [{ messages: 'Hi' }, 'messages'],
    [{ messages: [{ role: 5, content: '' }] }, 'messages[0].role'],
    [{ messages: [{ role: 'user' }] }, 'messages[0].content'],
    [{ messages: [{ role: 'user', content: 5 }] }, 'messages[0].content'],
    [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages[0].content[0].text'],
    [{ messages: [{ role: 'user', content: ['Hi'] }] }, 'messages[0].content[0]'],
    [{ temperature: 'hot' }, 'temperature'],
    [{ temperature: -1 }, 'temperature'],
    [{ top_p: 1.1 }, 'top_p'],
    [{ max_tokens: 1.5 }, 'max_tokens'],
    [{ max_tokens: -2 }, 'max_tokens'],
    [{ n: 0 }, 'n'],
    [{ n: 9 }, 'n'],
    [{ stop: 5 }, 'stop'],
    [{ stop: ['a', 5] }, 'stop[1]'],
    [{ stream: 'yes' }, 'stream'],
    [{ stream_options: { include_usage: 1 } }, 'stream_options.include_usage'],
    [{ logit_bias: { a: 'much' } }, 'logit_bias.a'],
    [{ logit_bias: { 1: 101 } }, 'logit_bias.1'],
    [{ logit_bias: Object.fromEntries(Array(1025).fill(1).entries()) }, 'logit_bias'],
    [{ stop: Array(65).fill('x') }, 'stop'],
    [{ add_generation_prompt: true, continue_final_message: true }, 'add_generation_prompt'],
    [{ logprobs: 3 }, 'logprobs'],
    [{ logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
    [{ top_logprobs: 2 }, 'top_logprobs'],
    [{ num_ctx: 0 }, 'num_ctx'],
    [{ keep_alive: 'soon' }, 'keep_alive'],
  ] as const) {
    await refuses(chat(given), param);
  }
  for (const [given, param] of [
    [{ prompt: undefined }, 'prompt'],
    [{ prompt: [] }, 'prompt'],
    [{ prompt: [[]] }, 'prompt[0]'],
    [{ prompt: [1, -1] }, 'prompt[1]'],
    [{ prompt: [1, 'a', -1] }, 'prompt[2]'],
    [{ prompt: Array.from({ length: 100 }, () => 'a'), n: 2 }, 'prompt'],
    [{ echo: 'yes' }, 'echo'],
    [{ logprobs: 6 }, 'logprobs'],
  ] as const) {
    await refuses(completion(given), param);
  }
});

test('a prompt is a text, tokens, or several of either', async () => {
  for (const [prompt, expected] of [
    ['a', ['a']],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [[1, 2], [[1, 2]]],
    [
      [[1, 2], [3]],
      [[1, 2], [3]],
    ],
  ] as const) {
    assert.deepEqual((await completion({ prompt })).prompts, expected);
  }
});
