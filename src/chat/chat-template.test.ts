import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { strftime } from '../jinja/strftime.ts';
import { ChatTemplate } from './chat-template.ts';
import type { Message } from './message.ts';

const chatMl = `
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message['content'] + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}`;

const headers = `{{ bos_token }}
{%- if tools is not none %}{{ raise_exception('no tools here') }}{% endif %}
{%- set date = strftime_now('%d %b %Y') if strftime_now is defined else 'unknown' %}
{%- if messages[0].role == 'system' %}
    {%- set system = messages[0].content | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system = '' %}
{%- endif %}
<|head|>system<|/head|>

Today: {{ date }}
{{ system }}<|eot|>
{%- for m in messages %}
    {{- '<|head|>' ~ m.role ~ '<|/head|>\\n\\n' ~ m.content | trim ~ '<|eot|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|head|>assistant<|/head|>\\n\\n' }}{% endif %}`;

const turns = `{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('there is no system role') }}{% endif %}
{% for message in messages %}
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}
<turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}
{{ message['content'] | trim }}</turn>
{% endfor %}
{% if add_generation_prompt %}<turn>model
{% endif %}`;

const instruct = `{{ bos_token }}{% for m in messages %}
    {%- if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}
    {%- elif m.role == 'assistant' %}{{ ' ' + m.content + eos_token }}
    {%- else %}{{ raise_exception('only user and assistant') }}
    {%- endif %}
{%- endfor %}`;

const system: Message = { role: 'system', content: 'Be brief.' };
const user: Message = { role: 'user', content: 'Hi' };
const assistant: Message = { role: 'assistant', content: 'Hello.' };

const render = (source: string, messages: readonly Message[], addGenerationPrompt = true): string =>
  new ChatTemplate(source, { bos: '<s>', eos: '</s>' }).render(
    { messages },
    { addGenerationPrompt, mostLength: 100_000 },
  );

const fails = (source: string, messages: readonly Message[], reason: RegExp): void =>
  assert.throws(() => render(source, messages), engineError('TEMPLATE_FAILED', reason));

test('a template of the ChatML kind gives its roles to all messages', () => {
  const expected = '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n';
  assert.equal(render(chatMl, [system, user]), `${expected}<|im_start|>assistant\n`);
  assert.equal(render(chatMl, [system, user], false), expected);
});

test('a template that sets the date, strips and slices is rendered as Hugging Face does', () => {
  const today = strftime(new Date(), '%d %b %Y');
  assert.equal(
    render(headers, [system, user, assistant, user]),
    `<s><|head|>system<|/head|>\n\nToday: ${today}\nBe brief.<|eot|><|head|>user<|/head|>\n\nHi<|eot|>` +
      '<|head|>assistant<|/head|>\n\nHello.<|eot|><|head|>user<|/head|>\n\nHi<|eot|><|head|>assistant<|/head|>\n\n',
  );
});

test('the newline after a block and the space before it are not output', () => {
  const expected = '<s><turn>user\nHi</turn>\n<turn>model\nHello.</turn>\n<turn>user\nHi</turn>\n<turn>model\n';
  assert.equal(render(turns, [user, assistant, user]), expected);
});

test('where a template refuses the system role, its text goes in front of the first user message', () => {
  assert.equal(render(turns, [system, user]), '<s><turn>user\nBe brief.\n\nHi</turn>\n<turn>model\n');
  assert.equal(
    render(instruct, [system, user, assistant, user]),
    '<s>[INST] Be brief.\n\nHi [/INST] Hello.</s>[INST] Hi [/INST]',
  );
});

test('a system message alone becomes a user message where it is refused', () => {
  assert.equal(render(turns, [system]), '<s><turn>user\nBe brief.</turn>\n<turn>model\n');
});

test('messages are not changed by rendering', () => {
  const messages = [system, user];
  render(turns, messages);
  assert.deepEqual(messages, [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
  ]);
});

test('what the template raises is the reason of the error', () => {
  fails(turns, [user, user], /roles must alternate/);
  fails(turns, [system, user, user], /roles must alternate/);
});

test('a template that cannot be read or run is an error with a code', () => {
  fails('{% for m in messages %}', [user], /chat template/);
  fails('{{ messages | no_such_filter }}', [user], /chat template/);
  fails('{% for i in range(1000000000) %}x{% endfor %}', [user], /too long/);
  fails('{% for i in range(100001, 0, -1) %}x{% endfor %}', [user], /too long/);
  fails('{% for i in range(0, 5, 0) %}x{% endfor %}', [user], /zero/);
});

test('ranges count as in Python', () => {
  const source =
    '{% for i in range(3) %}{{ i }}{% endfor %}|{% for i in range(5, 0, -2) %}{{ i }}{% endfor %}|{{ range(2, 2) | length }}';
  assert.equal(render(source, []), '012|531|0');
});

test('content that looks like a template is only text', () => {
  assert.match(render(chatMl, [{ role: 'user', content: '{{ bos_token }}{% if %}' }]), /\{\{ bos_token \}\}\{% if %\}/);
});

test('a template that loops, fills memory or prints without end is an error that says so', () => {
  const loop = (body: string): string => `{% for i in range(60000) %}${body}{% endfor %}`;
  fails(loop(loop('')), [user], /more than \d+ steps/);
  const doubling =
    "{% set n = namespace(x='0123456789') %}{% for i in range(40) %}{% set n.x = n.x + n.x %}{% endfor %}";
  fails(`${doubling}{{ n.x }}`, [user], /more than \d+ bytes/);
  fails(loop('printed'), [user], /all that the context can hold/);
});

test('a template at a limit is not tried again without the system message', () => {
  const once = "{% if messages[0].role == 'system' %}{% for i in range(99999) %}printed{% endfor %}{% endif %}";
  fails(once, [system, user], /all that the context can hold/);
});

test('templates that look back over all messages at each of them have steps enough for long conversations', () => {
  const lookingBack = `{% for m in messages %}{% set n = namespace(last='') %}{% for other in messages[:loop.index0] %}
    {%- if other.role == 'user' %}{% set n.last = other.content | trim %}{% endif %}{% endfor %}{% endfor %}done`;
  const long = Array.from({ length: 600 }, (_, i) => (i % 2 === 0 ? user : assistant));
  assert.equal(render(lookingBack, long), 'done');
});

test('the limits grow with the text of a conversation', () => {
  const content = 'some words\n'.repeat(100_000);
  const source = "{% for m in messages %}{{ m.content | trim | replace('some', 'a') | upper | length }}{% endfor %}";
  assert.equal(render(source, [{ role: 'user', content }]), '799999');
});
