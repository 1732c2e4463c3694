import assert from 'node:assert/strict';
import test from 'node:test';
import { at } from '../../base/at.ts';
import { ChatTemplate } from '../chat-template.ts';
import type { Conversation, Message, Tool } from '../message.ts';

const tide: Tool = { name: 'tide', description: 'Height of the tide', parameters: { type: 'object', properties: {} } };
const ebb: Tool = { name: 'ebb' };
const user: Message = { role: 'user', content: 'High tide?' };
const answer: Message = {
  role: 'assistant',
  content: '',
  toolCalls: [{ id: 'call_long_id', name: 'tide', arguments: '{"port":"Ives"}' }],
};
const result: Message = { role: 'tool', content: '14:20', toolCallId: 'call_long_id' };
const history = [user, answer, result];

const render = (source: string, conversation: Conversation): string =>
  new ChatTemplate(source, { bos: '<s>', eos: '</s>', controls: [] }).render(
    { ...conversation, addGenerationPrompt: false },
    { mostLength: 100_000 },
  ).text;

const plain = '{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}';
const results = "{% for m in messages %}{% if m.role == 'tool' %}[{{ m.name }} {{ m.tool_call_id }}]{% endif %}";
const knowing = (call: string): string =>
  `{% if tools %}<{% for t in tools %}{{ t.function | tojson }}{% endfor %}>{% endif %}${results}
  {%- for c in m.tool_calls or [] %}${call}{% endfor %}[{{ m.role }}]{{ m.content }}{% endfor %}`;
const object = knowing('({{ c.function.name }} {{ c.function.arguments | tojson }})');

test('a template that knows tools gets their definitions, calls with objects, and results with names', () => {
  assert.equal(
    render(object, { messages: history, tools: [ebb] }),
    '<{"name": "ebb"}>[user]High tide?(tide {"port": "Ives"})[assistant][tide call_long_id][tool]14:20',
  );
});

test('a template that joins arguments to a text gets them as text, and one that wants no content gets none', () => {
  const text = knowing("{{ '(' + c.function.name + c.function.arguments + ')' }}");
  assert.match(render(text, { messages: history }), /\(tide\{"port":"Ives"\}\)/);
  const silent =
    '{% for m in messages %}{% if m.content is none %}{{ m.tool_calls[0].function | tojson }}{% endif %}{% endfor %}';
  assert.equal(render(silent, { messages: history }), '{"name": "tide", "arguments": {"port": "Ives"}}');
});

test('a template that takes only ids of nine letters gets such, the same for a call and its result', () => {
  const strict = knowing(
    "{% if c.id | length != 9 %}{{ raise_exception('nine') }}{% endif %}({{ c.id }} {{ c.function | tojson }})",
  );
  const [, id, resultId] = /\((\w{9}) .*\[tide (\w+)\]/.exec(render(strict, { messages: history })) ?? [];
  assert.ok(id);
  assert.equal(resultId, id);
});

test('a model whose template knows no tools is told of them in the system message, in the form that it shall use', () => {
  const messages = [{ role: 'system', content: 'Be brief.' }, user];
  const text = render(plain, { messages, tools: [tide] });
  assert.match(text, /^\[system\]Be brief\.\n\n[\s\S]*\{"name":"tide","description":"Height of the tide"/);
  assert.match(text, /<tool_call>\n\{"name": "NAME", "arguments": \{[\s\S]*\[user\]High tide\?$/);
  assert.match(render(plain, { messages: [user], tools: [tide] }), /^\[system\]You can call tools/);
});

test('calls and results are written out for a template that shows neither', () => {
  const only =
    "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools') }}{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}";
  assert.equal(
    render(only, { messages: history }),
    '[user]High tide?[assistant]<tool_call>\n{"name": "tide", "arguments": {"port":"Ives"}}\n</tool_call>' +
      '[user]<tool_response>\n14:20\n</tool_response>',
  );
});

test('without a choice the model is told of all tools, with one of the chosen, and of none where none shall be called', () => {
  const shown = (toolChoice: Conversation['toolChoice']): string =>
    render(object, { messages: [user], tools: [tide, ebb], toolChoice });
  for (const choice of [undefined, 'auto', 'required'] as const) {
    assert.match(shown(choice), /tide.*ebb/);
  }
  assert.match(shown({ name: 'ebb' }), /^<\{"name": "ebb"\}>/);
  assert.equal(shown('none'), '[user]High tide?');
});

test('results without ids belong to calls of their name, or to the next one', () => {
  const calls = ['tide', 'ebb'].map((name, i) => ({ id: `id${i}`, name, arguments: '{}' }));
  const named = (results: readonly Message[]): readonly unknown[] =>
    [
      ...render(object, { messages: [user, { ...answer, toolCalls: calls }, ...results] }).matchAll(
        /\[(\w+) (id\d)\]/g,
      ),
    ].map(([, name, id]) => [name, id]);
  const nameless = { role: 'tool', content: '1' };
  assert.deepEqual(named([nameless, nameless]), [
    ['tide', 'id0'],
    ['ebb', 'id1'],
  ]);
  assert.deepEqual(named([{ ...nameless, toolName: 'ebb' }, nameless]), [
    ['ebb', 'id1'],
    ['tide', 'id0'],
  ]);
});

test('arguments that are no JSON are shown as the text that they are', () => {
  const broken = { ...answer, toolCalls: [{ ...at(answer.toolCalls ?? [], 0), arguments: '{"port": "I' }] };
  assert.match(render(object, { messages: [user, broken, result] }), /\(tide "\{\\"port\\": \\"I"\)/);
});
