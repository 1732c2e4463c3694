import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import test from 'node:test';
import { ChatOllama } from '@langchain/ollama';
import { type ChatResponse, Ollama } from 'ollama';
import { at } from '../src/base/at.ts';
import { defaultSampling } from '../src/sample/sampling-options.ts';
import { chatContext as context, writeChatModel } from './support/chat-model.ts';
import { cosine } from './support/cosine.ts';
import { until } from './support/processes.ts';
import { all, frugal, metric, serve } from './support/server.ts';
import { shared } from './support/shared.ts';
import { asked, Teller } from './support/teller.ts';
import { sharedPath } from './support/temp-folder.ts';

const path = writeChatModel(sharedPath('Tiny-Chat.F32.gguf'));
const model = 'tiny-chat:f32';
const server = shared(await serve([path, ...frugal, '--ctx', `${context}`, '--parallel', '2']));
const ollama = new Ollama({ host: server.url });

const teller = shared(new Teller(path));

const question = 'Why is the sky blue?';
const messages = [{ role: 'user', content: question }];
/** An answer of several tokens, the same each time. */
const greedy = { temperature: 0, num_predict: 12 };
/** The same to the library. */
const twelve = { maxTokens: 12 };
/** The greedy answer to the question. */
const expected = await teller.text(asked(question), twelve);

test('ollama-js gets the text that run gives, as a whole and in parts', async () => {
  const began = Date.now();
  const chat = await ollama.chat({ model, messages, options: greedy });
  assert.deepEqual(chat.message, { role: 'assistant', content: expected });
  assert.deepEqual([chat.done, chat.done_reason, chat.eval_count], [true, 'length', 12]);
  assert.ok(chat.total_duration >= chat.prompt_eval_duration + chat.eval_duration && chat.eval_duration > 0);
  const created = Date.parse(`${chat.created_at}`);
  assert.ok(began <= created && created <= Date.now());

  const chats = await all(await ollama.chat({ model, messages, options: greedy, stream: true }));
  assert.equal(chats.map(({ message }) => message.content).join(''), expected);
  assert.ok(chats.length > 10 && chats.every(({ done }, i) => done === (i === chats.length - 1)));
  assert.deepEqual([chats.at(-1)?.prompt_eval_count, chats.at(-1)?.eval_count], [chat.prompt_eval_count, 12]);

  const generated = await ollama.generate({ model, prompt: question, options: greedy });
  assert.equal(generated.response, expected);
  const parts = await all(await ollama.generate({ model, prompt: question, options: greedy, stream: true }));
  assert.equal(parts.map(({ response }) => response).join(''), expected);
  assert.deepEqual(parts.at(-1)?.context, generated.context);
});

test('instructions, raw prompts and stop texts are what they are to run', async () => {
  const system = 'Answer in French.';
  const told = await teller.text(asked(question, system), twelve);
  const [instruction] = [{ role: 'system', content: system }];
  assert.equal((await ollama.generate({ model, prompt: question, system, options: greedy })).response, told);
  assert.equal(
    (await ollama.chat({ model, messages: [instruction, ...messages], options: greedy })).message.content,
    told,
  );
  const raw = await ollama.generate({ model, prompt: 'Once upon a time', raw: true, options: greedy });
  assert.equal(raw.response, await teller.text('Once upon a time', twelve));
  assert.equal(raw.context, undefined);
  const stop = expected.slice(7, 11);
  const options = { ...greedy, stop: ['no such text', stop] };
  const stopped = await ollama.generate({ model, prompt: question, options });
  assert.deepEqual([stopped.response, stopped.done_reason], [expected.slice(0, expected.indexOf(stop)), 'stop']);
});

test('a seed gives what it gives to run, with the same defaults for all else', async () => {
  const seeded = (seed: number): Promise<string> =>
    ollama
      .generate({ model, prompt: question, options: { seed, num_predict: 16 } })
      .then(({ response = '' }) => response);
  const first = await seeded(7);
  assert.equal(first, await teller.text(asked(question), { ...defaultSampling, seed: 7, maxTokens: 16 }));
  assert.equal(await seeded(7), first);
  assert.notEqual(await seeded(8), first);
});

test('an answer goes on where the context of another one ends', async () => {
  const first = await ollama.generate({ model, prompt: 'My name is Ada. Remember it.', options: greedy });
  const second = await ollama.generate({ model, prompt: question, context: first.context, options: greedy });
  const begins = second.context.slice(0, first.context.length);
  assert.deepEqual(begins, first.context);
  assert.notEqual(second.response, (await ollama.generate({ model, prompt: question, options: greedy })).response);
});

test('log-probabilities come with each token, likeliest first', async () => {
  const { response, logprobs = [] } = await ollama.generate({
    model,
    prompt: question,
    logprobs: true,
    top_logprobs: 3,
    options: greedy,
  });
  assert.equal(logprobs.map(({ token }) => token).join(''), response);
  for (const { token, logprob, top_logprobs = [] } of logprobs) {
    const [best] = top_logprobs;
    assert.deepEqual([best?.token, best?.logprob, top_logprobs.length], [token, logprob, 3]);
  }
});

test('an abort ends the answer in the client and, at the next step, in the engine', async () => {
  const answer = await ollama.chat({ model, messages, options: { temperature: 0, num_predict: 4000 }, stream: true });
  const seen: ChatResponse[] = [];
  const reading = async (): Promise<void> => {
    for await (const part of answer) {
      seen.push(part);
      if (seen.length === 3) ollama.abort();
    }
  };
  await assert.rejects(reading(), { name: 'AbortError' });
  await until(async () => (await metric(server, 'requests_pending')) === 0);
  await until(async () => (await metric(server, 'sequences_active')) === 0);
  assert.equal(await metric(server, 'requests_total{outcome="cancelled"}'), 1);
  const { message } = await ollama.chat({ model, messages, options: greedy });
  assert.equal(message.content, expected);
});

test('models are listed, shown and named among those that run', async () => {
  assert.equal((await ollama.version()).version, '0.32.9');
  const [listed] = (await ollama.list()).models;
  assert.equal(listed?.name, model);
  assert.deepEqual([listed.details.parameter_size, listed.details.quantization_level], ['133K', 'F32']);
  assert.ok(listed.size === statSync(path).size && /^[0-9a-f]{64}$/.test(listed.digest));
  const shown = await ollama.show({ model: 'Tiny-Chat' });
  assert.deepEqual(shown.capabilities, ['completion']);
  assert.equal((shown.model_info as unknown as Record<string, unknown>)['llama.context_length'], context);
  assert.match(shown.template, /im_start/);
  await ollama.chat({ model, messages, options: greedy });
  const { load_duration } = await ollama.chat({ model, messages, options: greedy });
  assert.ok(load_duration > 1, `a loaded model was there at once, after ${load_duration} ns`);
  const [running] = (await ollama.ps()).models;
  assert.deepEqual([running?.name, running?.digest], [model, listed.digest]);
  const { size = 0 } = running ?? {};
  assert.ok(size > listed.size && size < 300 * 2 ** 20, `a small model takes ${size} bytes of a budget of 400 MiB`);
});

test('keep_alive says how long a model stays, and 0 that it goes', async () => {
  /** Seconds that it stays, counted from before it was asked and from after that. */
  const stays = async (keep_alive: string | number): Promise<readonly [number, number]> => {
    const began = Date.now();
    await ollama.generate({ model, prompt: question, keep_alive, options: { num_predict: 1 } });
    const [running] = (await ollama.ps()).models;
    const until = Date.parse(`${running?.expires_at}`);
    return [(until - began) / 1000, (until - Date.now()) / 1000];
  };
  for (const [given, seconds] of [
    ['2h', 7200],
    [90, 90],
  ] as const) {
    const [most, least] = await stays(given);
    assert.ok(least <= seconds && seconds <= most, `${given}: ${least} to ${most} s`);
  }
  assert.ok((await stays(-1))[1] > 1e9);
  const unloaded = await ollama.generate({ model, prompt: '', keep_alive: 0 });
  assert.equal(unloaded.done_reason, 'unload');
  assert.deepEqual((await ollama.ps()).models, []);
  const loaded = await ollama.generate({ model, prompt: '' });
  assert.equal(loaded.done_reason, 'load');
  assert.equal((await ollama.ps()).models.length, 1);
});

test('what is wrong with a request is an error with its status and reason', async () => {
  const failing = (error: object, promise: Promise<unknown>): Promise<void> => assert.rejects(promise, error);
  const refused = (error: string | RegExp, promise: Promise<unknown>): Promise<void> =>
    failing({ name: 'ResponseError', status_code: 400, message: error }, promise);
  await failing(
    { status_code: 404, message: /^model 'llama9' not found; / },
    ollama.chat({ model: 'llama9', messages }),
  );
  await failing({ status_code: 404 }, ollama.show({ model: '../../etc/passwd' }));
  const long = 'word '.repeat(3000);
  const tooLong = /context.*4096/;
  await refused(tooLong, ollama.generate({ model, prompt: long }));
  await refused(tooLong, ollama.generate({ model, prompt: long, stream: true }));
  await refused(
    /^options\.temperature: /,
    ollama.generate({ model, prompt: 'x', options: { temperature: 'hot' as never } }),
  );
  await refused(
    /^temperature 1000 is not valid/,
    ollama.generate({ model, prompt: 'x', options: { temperature: 1000 } }),
  );
  await refused(/^top_p 3 is not valid/, ollama.generate({ model, prompt: 'x', options: { top_p: 3 } }));
  await refused(/at #\/not: /, ollama.generate({ model, prompt: 'x', format: { not: {} } }));
  await failing({ status_code: 501 }, ollama.push({ model }));
  assert.equal((await ollama.pull({ model })).status, 'success');
});

test('texts are embedded, and scaled to length 1', async () => {
  const { embeddings } = await ollama.embed({ model, input: ['a plum', 'a pear'] });
  assert.equal(embeddings.length, 2);
  for (const vector of embeddings) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5);
  const { embedding } = await ollama.embeddings({ model, prompt: 'a plum' });
  assert.ok(cosine(new Float32Array(embedding), new Float32Array(at(embeddings, 0))) > 0.99999);
});

test('a conversation is cut only when that is asked for', async () => {
  const older = { role: 'user', content: 'word '.repeat(3000) };
  const request = { model, messages: [older, { role: 'assistant', content: 'Yes.' }, ...messages], options: greedy };
  await assert.rejects(ollama.chat(request), { status_code: 400 });
  const cut = { ...request, truncate: true };
  const { message } = await ollama.chat(cut);
  assert.ok(message.content.length > 0);
});

test('an answer obeys a schema, and what a tool has said is part of a conversation', async () => {
  const format = { type: 'object', properties: { colour: { enum: ['red', 'blue'] } }, required: ['colour'] };
  const { message } = await ollama.chat({ model, messages: [{ role: 'user', content: question }], format });
  assert.ok(['red', 'blue'].includes((JSON.parse(message.content) as { colour: string }).colour));
  const call = { function: { name: 'paint', arguments: { colour: 'red' } } };
  const messages = [
    { role: 'user', content: question },
    { role: 'assistant', content: '', tool_calls: [call] },
    { role: 'tool', tool_name: 'paint', content: 'done' },
  ];
  const told = await ollama.chat({ model, messages, options: { num_predict: 4 } });
  const untold = await ollama.chat({ model, messages: messages.slice(0, 1), options: { num_predict: 4 } });
  assert.ok(told.prompt_eval_count > untold.prompt_eval_count);
});

test('LangChain answers and streams', async () => {
  const chat = new ChatOllama({ baseUrl: server.url, model, temperature: 0, numPredict: 12 });
  const { content, usage_metadata } = await chat.invoke(question);
  // Its type says that there is none.
  const usage = usage_metadata as { readonly output_tokens: number } | undefined;
  assert.deepEqual([content, usage?.output_tokens], [expected, 12]);
  const parts: string[] = [];
  for await (const part of await chat.stream([['human', question]])) parts.push(`${part.content}`);
  assert.equal(parts.join(''), expected);
  assert.ok(parts.length > 5);
});
