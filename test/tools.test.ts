import assert from 'node:assert/strict';
import test from 'node:test';
import { str } from '../bench/gguf-writer.ts';
import type { Conversation, Tool, ToolCall, ToolChoice } from '../src/chat/message.ts';
import { callFormatOf } from '../src/chat/tools/recognize-format.ts';
import { readHeader } from '../src/gguf/header.ts';
import type { GenerateOptions } from '../src/model/model-options.ts';
import { type PreparedPrompt, PromptTokenizer } from '../src/model/prompt-tokenizer.ts';
import { writeChatModel } from './support/chat-model.ts';
import { shared } from './support/shared.ts';
import { writeSmall } from './support/small-model.ts';
import { asked, Teller } from './support/teller.ts';
import { sharedFolder } from './support/temp-folder.ts';

const model = writeChatModel(sharedFolder().file('chat.gguf'));
const teller = shared(new Teller(model, { context: 2048 }));

const tools: readonly Tool[] = [
  {
    name: 'tide',
    description: 'Times of the tide',
    parameters: {
      type: 'object',
      properties: { port: { enum: ['Ives', 'Looe'] }, days: { type: 'integer', minimum: 1, maximum: 7 } },
      required: ['port', 'days'],
    },
  },
  { name: 'ebb', parameters: { type: 'object', properties: { now: { type: 'boolean' } }, required: ['now'] } },
];
const conversation: Conversation = { messages: asked('When is high tide?'), tools };

interface Called {
  readonly text: string;
  readonly calls: readonly ToolCall[];
  readonly reason: string | undefined;
}

/** The answer of a model that knows nothing: only its grammar makes calls of it. */
async function answer(given: Partial<Conversation>, options: GenerateOptions = {}): Promise<Called> {
  const generation = teller.model.generate(
    { ...conversation, ...given },
    { maxTokens: 400, temperature: 1, ...options },
  );
  const calls: { id: string; name: string; arguments: string }[] = [];
  let all = '';
  for await (const { text, toolCalls = [] } of generation) {
    all += text;
    for (const { index, id, name, arguments: part } of toolCalls) {
      if (id !== undefined && name !== undefined) calls[index] = { id, name, arguments: part };
      else if (calls[index]) calls[index].arguments += part;
    }
  }
  return { text: all, calls, reason: generation.stopReason };
}

const isRight = ({ name, arguments: text }: ToolCall): boolean => {
  const values = JSON.parse(text) as Record<string, unknown>;
  if (name === 'ebb') return typeof values['now'] === 'boolean' && Object.keys(values).length === 1;
  const { port, days } = values;
  return name === 'tide' && ['Ives', 'Looe'].includes(`${port}`) && Number(days) >= 1 && Number(days) <= 7;
};

test('a model that must call a tool calls one, with arguments of its schema, and waits for the result', async () => {
  for (let seed = 1; seed <= 4; seed++) {
    const { text, calls, reason } = await answer({ toolChoice: 'required', parallelToolCalls: false }, { seed });
    assert.deepEqual([text, calls.length, reason], ['', 1, 'toolCalls']);
    assert.ok(calls.every(isRight), JSON.stringify(calls));
    assert.match(`${calls[0]?.id}`, /^[a-zA-Z\d]{9}$/);
  }
});

test('a named tool is the one that is called', async () => {
  for (let seed = 1; seed <= 2; seed++) {
    const { calls } = await answer({ toolChoice: { name: 'ebb' } }, { seed });
    assert.deepEqual(
      calls.map((call) => [call.name, isRight(call)]),
      [['ebb', true]],
    );
  }
});

test('a model that says something else behind a call that it must make is done', async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const { calls, reason } = await answer({ toolChoice: 'required' }, { seed, temperature: 0 });
    assert.deepEqual([calls.map(isRight), reason], [[true], 'toolCalls']);
  }
});

test('several calls may come, each with an id of its own', async () => {
  const [begin = 0] = teller.model.vocabulary.tokenize('<', { addSpecial: false, parseSpecial: false });
  const bias = new Map([[begin, 100]]);
  const { calls, reason } = await answer({ toolChoice: 'required' }, { seed: 1, maxTokens: 300, bias });
  assert.equal(reason, 'length');
  const whole = calls.slice(0, -1);
  assert.ok(whole.length > 0);
  assert.ok(whole.every(isRight), JSON.stringify(whole));
  assert.equal(new Set(calls.map(({ id }) => id)).size, calls.length);
});

test('what there is of a call that is cut off, by its length or a stop text, is no JSON', async () => {
  const { calls, reason } = await answer({ toolChoice: { name: 'tide' } }, { seed: 1, maxTokens: 30 });
  assert.equal(reason, 'length');
  const stopped = await answer({ toolChoice: { name: 'tide' } }, { seed: 1, stop: ['days'] });
  assert.equal(stopped.calls.length, 1);
  for (const { arguments: text } of [...calls, ...stopped.calls]) assert.throws(() => JSON.parse(text));
});

test('without a choice, a wanted form of the answer holds beside calls; with none, tools are not spoken of', async () => {
  const schema = {
    type: 'object',
    properties: { ok: { type: 'boolean' } },
    required: ['ok'],
    additionalProperties: false,
  };
  for (let seed = 1; seed <= 3; seed++) {
    const { text, calls } = await answer({ parallelToolCalls: false }, { seed, grammar: { kind: 'schema', schema } });
    assert.ok(text === '' ? calls.length > 0 : typeof (JSON.parse(text) as { ok: unknown }).ok === 'boolean');
  }
  const none = teller.model.tokenize({ ...conversation, toolChoice: 'none' });
  assert.deepEqual(none, teller.model.tokenize(conversation.messages));
  assert.ok(teller.model.tokenize(conversation).length > none.length);
});

test('a conversation goes through the template that it brings, one with tools through the one that a file has for them', () => {
  const file = sharedFolder().file('two-templates.gguf');
  writeSmall(file, {
    metadata: {
      'tokenizer.chat_template': str('plain'),
      'tokenizer.chat_template.tool_use': str('with {{ tools | tojson }}'),
    },
  });
  const { metadata } = readHeader(file);
  const prompts = new PromptTokenizer(metadata, teller.model.vocabulary);
  assert.match(prompts.render(conversation, 100).text, /^with .*"tide"/);
  assert.equal(prompts.render(conversation.messages, 100).text, 'plain');
  const replaced = new PromptTokenizer(metadata, teller.model.vocabulary, { chatTemplate: 'mine' });
  assert.equal(replaced.render(conversation, 100).text, 'mine');
  for (const chatTemplate of ['<{{ .Prompt }}>', '<{{ messages[0].content }}>']) {
    const { messages } = conversation;
    assert.equal(prompts.render({ messages, chatTemplate }, 100).text, '<When is high tide?>');
  }
  assert.throws(() => prompts.render({ messages: conversation.messages, chatTemplate: '{{ if }}' }, 100), {
    code: 'TEMPLATE_FAILED',
  });
  assert.equal(prompts.render(conversation.messages, 100).text, 'plain');
});

test('tools that are too many for a grammar can be called all the same, unless they must be', async () => {
  const many = Array.from({ length: 4000 }, (_, i): Tool => ({ ...tools[0], name: `tide${i}` }));
  const calls = { format: callFormatOf(''), tools: many, parallel: true };
  const prompt = (choice: ToolChoice): PreparedPrompt => ({ tokens: [1, 2], answer: { calls: { ...calls, choice } } });
  const generation = teller.model.generate(prompt('auto'), { maxTokens: 2 });
  for await (const { text } of generation) assert.ok(text !== undefined);
  assert.equal(generation.stopReason, 'length');
  assert.throws(() => teller.model.generate(prompt('required')), { code: 'BAD_GRAMMAR' });
});
