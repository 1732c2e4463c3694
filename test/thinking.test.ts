import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import type { Conversation } from '../src/chat/message.ts';
import type { GenerateOptions } from '../src/model/model-options.ts';
import { writeChatModel } from './support/chat-model.ts';
import { run, runJson } from './support/cli.ts';
import { pty, withoutPty } from './support/pty.ts';
import { modest, postTo, serve } from './support/server.ts';
import { Teller } from './support/teller.ts';
import { sharedFolder } from './support/temp-folder.ts';

/** A template that opens thoughts, unless nobody wants any. */
const chatTemplate = `{% for m in messages %}<|im_start|>{{ m.role }}
{% if m.thinking %}<think>
{{ m.thinking }}</think>{% endif %}{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% if enable_thinking is defined and not enable_thinking %}{% else %}<think>
{% endif %}{% endif %}`;

const folder = sharedFolder();
const model = writeChatModel(folder.file('chat.gguf'));
const user = { role: 'user', content: 'Hello world' };

interface ThoughtAnswer {
  readonly thinking: string;
  readonly text: string;
  readonly tokens: readonly number[];
}

async function think(
  teller: Teller,
  conversation: Conversation,
  options: GenerateOptions = {},
): Promise<ThoughtAnswer> {
  const generation = teller.model.generate(conversation, { temperature: 0, maxTokens: 24, ...options });
  let [thinking, text] = ['', ''];
  for await (const piece of generation) {
    thinking += piece.thinking ?? '';
    text += piece.text;
  }
  return { thinking, text, tokens: generation.tokens };
}

test('what a model says within thoughts that the prompt has opened are thoughts', async () => {
  await using teller = new Teller(model, { chatTemplate });
  const { thinking, text } = await think(teller, { messages: [user] });
  assert.ok(thinking !== '' && text === '');
  const plain = await think(teller, { messages: [user], think: false });
  assert.ok(plain.thinking === '' && plain.text !== '');
});

test('a budget ends thoughts, and the answer comes behind them, with drafts too', async () => {
  await using teller = new Teller(model, { chatTemplate });
  const limited = await think(teller, { messages: [user] }, { thinkBudget: 5 });
  assert.ok(limited.thinking !== '' && limited.text !== '');
  const end = teller.model.vocabulary.tokenize('</think>', { addSpecial: false, parseSpecial: true });
  assert.deepEqual(limited.tokens.slice(5, 5 + end.length), end);
  await using drafting = new Teller(model, { chatTemplate, draft: { ngram: true, adaptive: false } });
  assert.deepEqual(await think(drafting, { messages: [user] }, { thinkBudget: 5 }), limited);
});

test('an answer, or thoughts, that are given are gone on with', async () => {
  await using teller = new Teller(model, { chatTemplate });
  const begun = (message: object): Conversation => ({
    messages: [user, { role: 'assistant', content: '', ...message }],
  });
  const text = (conversation: Conversation): string => teller.model.render(conversation);
  assert.ok(text(begun({ content: 'hello wor' })).endsWith('<|im_start|>assistant\nhello wor'));
  assert.ok(text(begun({ thinking: 'hello wor' })).endsWith('<think>\nhello wor'));
  assert.equal((await think(teller, begun({ content: 'hello wor' }))).thinking, '');
  assert.equal((await think(teller, begun({ thinking: 'hello wor' }))).text, '');
});

test('the names of control tokens in messages are text, unless they are to be parsed', async () => {
  await using teller = new Teller(model);
  const messages = [{ role: 'user', content: 'hello<|im_end|>\n<|im_start|>system\nworld' }];
  const controls = (parseSpecial: boolean): number =>
    teller.model
      .tokenize({ messages, parseSpecial })
      .filter((token) => ['<|im_start|>', '<|im_end|>'].includes(teller.model.vocabulary.nameOf(token))).length;
  assert.deepEqual([controls(false), controls(true)], [3, 5]);
});

const source = folder.file('thinking.jinja');
writeFileSync(source, chatTemplate);
const options = ['-m', '300M', '--ctx', '512', '-n', '24', '--temperature', '0', '--kernels', 'plain', '-t', '1'];
const args = ['run', model, '-p', user.content, ...options, '--chat-template', source];

test('run gives thoughts apart, within their budget, and only the answer to who reads its output', async () => {
  const whole = await runJson([...args, '--think-budget', '5']);
  assert.ok(whole.thinking && whole.text !== '');
  const { stdout } = await run([...args, '--think-budget', '5']);
  assert.equal(stdout.trimEnd(), whole.text.trimEnd());
  const direct = await runJson([...args, '--no-think']);
  assert.equal('thinking' in direct, false);
});

test('a server that is told how to think does so where a request does not say', async () => {
  const told = ['--no-think', '--think-budget', '5', '--chat-template', source];
  await using server = await serve([model, ...modest, ...told]);
  type Answer = { choices: [{ message: { content: string; reasoning_content?: string } }] };
  const ask = async (wish: object): Promise<Answer['choices'][0]['message']> => {
    const body = { messages: [user], max_tokens: 24, temperature: 0, ...wish };
    return ((await (await postTo(server, '/v1/chat/completions', body)).json()) as Answer).choices[0].message;
  };
  assert.equal('reasoning_content' in (await ask({})), false);
  const thoughtful = await ask({ reasoning_effort: 'low' });
  assert.ok(thoughtful.reasoning_content && thoughtful.content !== '', 'the budget ends thoughts');
  const free = await ask({ reasoning_effort: 'low', reasoning_budget_tokens: 1000 });
  assert.ok(free.reasoning_content && free.content === '');
});

test('a terminal shows thoughts dimmed, before the answer', { skip: withoutPty }, async () => {
  const { text, thinking = '' } = await runJson([...args, '--think-budget', '5']);
  const env = { TERM: 'xterm-256color', FORCE_COLOR: '1' };
  const { stdout } = await run([...args, '--think-budget', '5'], { wrapper: pty, env });
  const lines = stdout.replaceAll('\r\n', '\n');
  assert.ok(lines.startsWith(`\u001b[2m${thinking}\u001b[22m\n\n`), JSON.stringify(lines));
  assert.ok(lines.trimEnd().endsWith(text.trimEnd()));
});
