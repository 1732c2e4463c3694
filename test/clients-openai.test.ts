import assert from 'node:assert/strict';
import test from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI } from '@langchain/openai';
import { generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { at } from '../src/base/at.ts';
import { chatContext as context, writeChatModel } from './support/chat-model.ts';
import { cosine } from './support/cosine.ts';
import { until } from './support/processes.ts';
import { all, frugal, postTo, serve } from './support/server.ts';
import { shared } from './support/shared.ts';
import { asked, Teller } from './support/teller.ts';
import { sharedPath } from './support/temp-folder.ts';

const path = writeChatModel(sharedPath('tiny-chat.gguf'));
const model = 'tiny-chat:latest';
const apiKey = 'secret';
const server = shared(await serve([path, ...frugal, '--ctx', `${context}`, '--parallel', '2', '--api-key', apiKey]));
const baseURL = `${server.url}/v1`;
const openai = new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const teller = shared(new Teller(path));

const question = 'Why is the sky blue?';
const messages = [{ role: 'user', content: question } as const];
const story = 'Once upon a time';
/** An answer of several tokens, the same each time. */
const greedy = { model, temperature: 0, max_tokens: 12 };
/** The same to the library. */
const twelve = { maxTokens: 12 };
/** Sampling that is usual at /v1. */
const plainSampling = { temperature: 1, topP: 1, topK: 40, minP: 0.05 };
/** The greedy answer to the question. */
const expected = await teller.text(asked(question), twelve);

test('openai-node gets the text that run gives, as a whole and in parts', async () => {
  const whole = await openai.chat.completions.create({ ...greedy, messages });
  const [choice] = whole.choices;
  assert.deepEqual([choice?.message.content, choice?.message.role], [expected, 'assistant']);
  assert.deepEqual([choice?.finish_reason, choice?.index, choice?.logprobs], ['length', 0, null]);
  assert.deepEqual([whole.object, whole.model], ['chat.completion', model]);
  const { prompt_tokens = 0, completion_tokens, total_tokens } = whole.usage ?? {};
  assert.ok(prompt_tokens > 30);
  assert.deepEqual([completion_tokens, total_tokens], [12, prompt_tokens + 12]);

  const stream = { stream: true, stream_options: { include_usage: true } } as const;
  const parts = await all(await openai.chat.completions.create({ ...greedy, ...stream, messages }));
  assert.equal(parts.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), expected);
  assert.equal(parts[0]?.choices[0]?.delta.role, 'assistant');
  assert.deepEqual(parts.at(-2)?.choices[0]?.finish_reason, 'length');
  assert.deepEqual([parts.at(-1)?.choices, parts.at(-1)?.usage?.total_tokens], [[], total_tokens]);
  assert.equal(new Set(parts.map(({ id, created }) => `${id} ${created}`)).size, 1);
});

test('completions continue a text as run --raw does, also from tokens, with or without an echo', async () => {
  const continued = await teller.text(story, twelve);
  const whole = await openai.completions.create({ ...greedy, prompt: story });
  assert.equal(whole.choices[0]?.text, continued);
  const parts = await all(await openai.completions.create({ ...greedy, prompt: story, stream: true }));
  assert.equal(parts.map(({ choices }) => choices[0]?.text ?? '').join(''), continued);
  const asked = {
    method: 'POST',
    headers: { 'x-api-key': apiKey },
    body: JSON.stringify({ content: story }),
  };
  const { tokens } = (await (await fetch(`${server.url}/tokenize`, asked)).json()) as { tokens: number[] };
  // Nothing stands before tokens that does not stand among them.
  const again = await teller.text(tokens, twelve);
  const both = await openai.completions.create({ ...greedy, prompt: [tokens, tokens], echo: true });
  assert.deepEqual(
    both.choices.map(({ text, index }) => [text, index]),
    [0, 1].map((index) => [story + again, index]),
  );
});

test('a seed gives what it gives to run with the distribution as it is', async () => {
  const seeded = async (seed: number): Promise<string> => {
    const { choices } = await openai.chat.completions.create({ model, messages, seed, max_completion_tokens: 16 });
    return choices[0]?.message.content ?? '';
  };
  const first = await seeded(7);
  assert.equal(first, await teller.text(asked(question), { ...plainSampling, seed: 7, maxTokens: 16 }));
  assert.equal(await seeded(7), first);
  assert.notEqual(await seeded(8), first);
});

test('stop texts end an answer and are no part of it', async () => {
  const end = expected.slice(7, 11);
  for (const stop of [end, ['no such text', end]]) {
    const { choices } = await openai.chat.completions.create({ ...greedy, messages, stop });
    assert.deepEqual(
      [choices[0]?.message.content, choices[0]?.finish_reason],
      [expected.slice(0, expected.indexOf(end)), 'stop'],
    );
  }
});

test('of several answers the first is the one that would come alone', async () => {
  const several = { model, messages, seed: 3, max_tokens: 10 };
  const alone = await openai.chat.completions.create(several);
  const { choices, usage } = await openai.chat.completions.create({ ...several, n: 3 });
  const texts = choices.map(({ message }) => message.content);
  assert.equal(texts[0], alone.choices[0]?.message.content);
  assert.equal(new Set(texts).size, 3);
  assert.deepEqual([usage?.completion_tokens, usage?.prompt_tokens], [30, alone.usage?.prompt_tokens]);
});

test('log-probabilities come with each token, in chats and in completions', async () => {
  const chat = await openai.chat.completions.create({ ...greedy, messages, logprobs: true, top_logprobs: 2 });
  const content = chat.choices[0]?.logprobs?.content ?? [];
  assert.equal(content.map(({ token }) => token).join(''), chat.choices[0]?.message.content);
  assert.ok(content.every(({ logprob, top_logprobs: [best] }) => logprob <= 0 && best?.logprob === logprob));
  const { choices } = await openai.completions.create({ ...greedy, prompt: story, logprobs: 2 });
  const { tokens = [], token_logprobs = [] } = choices[0]?.logprobs ?? {};
  assert.equal(tokens.join(''), choices[0]?.text);
  assert.equal(token_logprobs.length, 12);
});

test('a bias makes a token certain, or impossible', async () => {
  const free = await openai.chat.completions.create({ ...greedy, messages, max_tokens: 1 });
  const body = JSON.stringify({ content: free.choices[0]?.message.content });
  const asked = { method: 'POST', headers: { authorization: `Bearer ${apiKey}` }, body };
  const { tokens } = (await (await fetch(`${server.url}/tokenize`, asked)).json()) as { tokens: number[] };
  const text = async (bias: number, temperature: number): Promise<string> => {
    const logit_bias = { [tokens[0] ?? 0]: bias };
    const request = { ...greedy, messages, logit_bias, temperature, max_tokens: 1 };
    return (await openai.chat.completions.create(request)).choices[0]?.message.content ?? '';
  };
  assert.equal(await text(100, 1.5), free.choices[0]?.message.content);
  assert.notEqual(await text(-100, 0), free.choices[0]?.message.content);
});

test('an abort ends the answer in the client and, at the next step, in the engine', async () => {
  const figures = async (): Promise<string> =>
    (await fetch(`${server.url}/metrics`, { headers: { 'x-api-key': apiKey } })).text();
  for (const stream of [true, false]) {
    const abort = new AbortController();
    const request = { model, messages, temperature: 0, max_tokens: 4000, stream };
    const answer = openai.chat.completions.create(request, { signal: abort.signal });
    if (stream) for await (const _ of (await answer) as AsyncIterable<unknown>) abort.abort();
    else {
      const cut = assert.rejects(answer, /abort/);
      await until(async () => /^ssdllm_requests_pending 1$/m.test(await figures()));
      abort.abort();
      await cut;
    }
    await until(async () => /^ssdllm_requests_pending 0$/m.test(await figures()));
  }
  assert.match(await figures(), /^ssdllm_requests_total\{outcome="cancelled"\} 2$/m);
});

test('models are listed and retrieved', async () => {
  const [listed] = (await openai.models.list()).data;
  assert.deepEqual([listed?.id, listed?.object], [model, 'model']);
  assert.deepEqual(await openai.models.retrieve(model), listed);
  await assert.rejects(openai.models.retrieve('llama9'), OpenAI.NotFoundError);
});

test('what is wrong with a request is the error that the client knows', async () => {
  const asking = (request: object): Promise<unknown> =>
    openai.chat.completions.create({
      ...greedy,
      messages,
      ...request,
    } as OpenAI.ChatCompletionCreateParamsNonStreaming);
  const { AuthenticationError, BadRequestError, NotFoundError } = OpenAI;
  const stranger = new OpenAI({ baseURL, apiKey: 'wrong', maxRetries: 0 });
  await assert.rejects(stranger.models.list(), (error) => error instanceof AuthenticationError);
  const refused = async (request: object, expected: object, kind = BadRequestError): Promise<void> => {
    await assert.rejects(asking(request), { status: 400, type: 'invalid_request_error', ...expected });
    await assert.rejects(asking(request), (error) => error instanceof kind);
  };
  const unknown = { status: 404, code: 'model_not_found', type: 'not_found_error' };
  await refused({ model: 'llama9' }, unknown, NotFoundError as never);
  const long = [{ role: 'user', content: 'word '.repeat(3000) }];
  const message = /context.*4096/;
  for (const stream of [false, true]) {
    await refused({ messages: long, stream }, { code: 'context_length_exceeded', message });
  }
  await refused({ temperature: 'hot' }, { param: 'temperature' });
  await refused({ messages: [] }, { param: 'messages' });
  await refused({ tools: [{ type: 'function' }] }, { param: 'tools[0].function' });
});

test('texts are embedded, as numbers and as base64', async () => {
  const input = ['a plum', 'a pear'];
  const [base64, float] = [
    await openai.embeddings.create({ model, input }),
    await openai.embeddings.create({ model, input, encoding_format: 'float' }),
  ];
  assert.ok(base64.usage.total_tokens > 0);
  for (const [i, { embedding }] of float.data.entries()) {
    assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-5);
    const other = at(base64.data, i).embedding;
    assert.ok(cosine(new Float32Array(embedding), new Float32Array(other)) > 0.99999);
  }
});

/** A form that a model without sense can fill in. */
const form = {
  type: 'object',
  properties: { colour: { enum: ['red', 'blue'] }, count: { type: 'integer', minimum: 0, maximum: 99 } },
  required: ['colour', 'count'],
  additionalProperties: false,
};
const isForm = (json: string | null | undefined): void => {
  const { colour, count, ...others } = JSON.parse(json ?? '') as Record<string, unknown>;
  assert.ok(['red', 'blue'].includes(String(colour)) && Number.isInteger(count) && Object.keys(others).length === 0);
};

test('an answer obeys a schema, and a call of a tool its own; its result can be told', async () => {
  const response_format = { type: 'json_schema', json_schema: { name: 'form', schema: form, strict: true } } as const;
  for (const seed of [1, 2, 3]) {
    const { choices } = await openai.chat.completions.create({ model, messages, seed, response_format });
    isForm(choices[0]?.message.content);
  }
  const tools = [{ type: 'function', function: { name: 'paint', parameters: form } } as const];
  const one = { tools, tool_choice: 'required', parallel_tool_calls: false } as const;
  const called = await openai.chat.completions.create({ model, messages, ...one });
  const [choice] = called.choices;
  const [call] = choice?.message.tool_calls ?? [];
  assert.ok(choice && call?.type === 'function' && call.function.name === 'paint');
  assert.equal(choice.finish_reason, 'tool_calls');
  isForm(call.function.arguments);
  const result = { role: 'tool', tool_call_id: call.id, content: 'done' } as const;
  const told = [...messages, choice.message, result];
  const { choices } = await openai.chat.completions.create({ ...greedy, messages: told, tools, tool_choice: 'none' });
  assert.equal(typeof choices[0]?.message.content, 'string');
});

test('an answer that was begun becomes a value of the schema, with each API', async () => {
  const schema = { type: 'object', properties: { colour: { enum: ['red', 'green'] } }, required: ['colour'] };
  const begin = '{"colour":  "';
  const body = { model, max_tokens: 30, messages: [...messages, { role: 'assistant', content: begin }] };
  const json_schema = { name: 'colours', schema };
  type Answer = {
    message?: { content: string };
    content?: [{ text: string }];
    choices?: [{ message: { content: string } }];
  };
  const text = async (path: string, form: object): Promise<string> => {
    const init = { headers: { 'content-type': 'application/json', 'x-api-key': apiKey } };
    const answer = (await (await postTo(server, path, { ...body, ...form }, init)).json()) as Answer;
    return `${answer.message?.content ?? answer.content?.[0].text ?? answer.choices?.[0].message.content}`;
  };
  for (const rest of [
    await text('/api/chat', { format: schema, stream: false }),
    await text('/v1/chat/completions', { response_format: { type: 'json_schema', json_schema } }),
    await text('/v1/messages', { output_config: { format: { type: 'json_schema', schema } } }),
  ]) {
    assert.match(rest, /^(?:red|green)"\s*\}$/);
  }
  // Other grammars hold for the rest alone.
  assert.equal(await text('/v1/chat/completions', { grammar: 'root ::= "blue"' }), 'blue');
});

test('the AI SDK answers and streams', async () => {
  const provider = createOpenAICompatible({ name: 'ssd-llm', baseURL, apiKey, includeUsage: true });
  const request = { model: provider(model), prompt: question, temperature: 0, maxOutputTokens: 12, maxRetries: 0 };
  const whole = await generateText(request);
  assert.deepEqual([whole.text, whole.finishReason, whole.usage.outputTokens], [expected, 'length', 12]);
  const stream = streamText(request);
  const parts = await all(stream.textStream);
  assert.equal(parts.join(''), expected);
  assert.deepEqual([await stream.finishReason, (await stream.usage).outputTokens], ['length', 12]);
  await assert.rejects(generateText({ ...request, model: provider('llama9') }), { statusCode: 404 });
});

test('LangChain answers and streams', async () => {
  const chat = new ChatOpenAI({ model, apiKey, configuration: { baseURL }, temperature: 0, maxTokens: 12 });
  assert.equal((await chat.invoke(question)).content, expected);
  const parts = await all(await chat.stream(question));
  assert.equal(parts.map(({ content }) => content).join(''), expected);
  assert.ok(parts.length > 5);
});
