import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { dispatchCommand, type Reply, slashCompletions } from './chat-commands.ts';
import { ChatTurns } from './chat-turns.ts';

const setting = { facts: [['model', 'Tiny\u001b[31m']], context: 512, recommended: {} } as const;

function begun(): ChatTurns {
  const parameters = { temperature: 0.8, topK: 40, topP: 0.9, minP: 0, repeatPenalty: 1, seed: undefined, stop: [] };
  const conversation = new ChatTurns(parameters, { system: 'Be kind.\nAlways.' });
  conversation.addTurn('Hi', { text: 'Hello!', thinking: '' }, 12);
  return conversation;
}

const say = (conversation: ChatTurns, name: string, argument?: string): string =>
  dispatchCommand(conversation, { name, argument }, setting).lines.join('\n');

test('/clear forgets what was said and nothing else', () => {
  const conversation = begun();
  say(conversation, 'clear');
  assert.deepEqual(conversation.turns, []);
  assert.equal(conversation.system, 'Be kind.\nAlways.');
});

test('/system shows the system prompt, sets it, and removes it', () => {
  const conversation = begun();
  assert.equal(say(conversation, 'system'), 'system prompt\n  Be kind.\n  Always.');
  say(conversation, 'system', 'Be brief.');
  assert.equal(conversation.system, 'Be brief.');
  assert.equal(conversation.turns.length, 2);
  for (const none of ['""', '', '\n']) {
    conversation.system = 'x';
    say(conversation, 'system', none);
    assert.equal(conversation.system, undefined);
  }
  assert.equal(say(conversation, 'system'), 'no system prompt');
});

test('/set changes a parameter, shows one, or shows all', () => {
  const conversation = begun();
  assert.equal(say(conversation, 'set', 'parameter top_k 7'), '  top-k  7');
  assert.equal(conversation.parameters.topK, 7);
  assert.equal(say(conversation, 'set', 'temperature 0'), '  temperature  0', 'the word parameter may be left out');
  assert.equal(say(conversation, 'set', 'parameter seed'), '  seed  random');
  for (const all of [undefined, 'parameter', 'parameter ']) {
    assert.match(say(conversation, 'set', all), /^ {2}max-tokens +as the context allows\n {2}temperature +0\n/);
  }
});

test('/set says what is wrong, and changes nothing', () => {
  const conversation = begun();
  const before = conversation.parameters;
  assert.match(say(conversation, 'set', 'parameter top_k many'), /^top-k many is not valid; expected a whole number/);
  assert.match(say(conversation, 'set', 'parameter num_ctx 7'), /^parameter num_ctx is not valid; expected one of/);
  assert.equal(conversation.parameters, before);
});

test('/set says where a parameter changes nothing beside the others', () => {
  const conversation = begun();
  assert.match(
    say(conversation, 'set', 'parameter mirostat_ent 3'),
    /mirostat-ent +3\nmirostat-ent changes nothing without mirostat$/,
  );
  assert.doesNotMatch(say(conversation, 'set', 'parameter mirostat 2'), /changes nothing/);
  assert.match(say(conversation, 'set', 'parameter top_k 7'), /top-k changes nothing beside mirostat 2$/);
});

test('/show has the model, the context, the parameters and the system prompt, safe to print', () => {
  const text = say(begun(), 'show');
  assert.match(text, /^ {2}model +Tiny\ufffd\[31m\n {2}context +12 of 512 tokens, 2 messages\nparameters\n/);
  assert.match(text, / {2}top-k +40\n/);
  assert.match(text, /system prompt\n {2}Be kind\.\n {2}Always\.$/);
});

test('/help names every command, and so does /?', () => {
  const text = say(begun(), 'help');
  for (const name of ['/clear', '/system', '/set', '/show', '/help', '/?', '/bye', '/exit', '"""', '//']) {
    assert.ok(text.includes(name), name);
  }
  assert.equal(say(begun(), '?'), text);
});

test('/bye and /exit leave, and nothing else does', () => {
  const leaves = (name: string): boolean =>
    dispatchCommand(begun(), { name, argument: undefined }, setting).leave ?? false;
  assert.deepEqual(['bye', 'exit', 'BYE', 'clear', 'quit'].map(leaves), [true, true, true, false, false]);
});

test('an unknown command is told with those there are, and with how to say it', () => {
  const text = say(begun(), 'home/user\u001b');
  assert.match(
    text,
    /^There is no command \/home\/user\ufffd; these are: \/clear, \/system, \/set, \/show, \/help, \/bye\./,
  );
  assert.match(text, /two: \/\/$/);
});

test('no command and no argument does more than reply, in lines without control characters', () => {
  const name = fc.oneof(
    fc.string(),
    fc.constantFrom('clear', 'system', 'set', 'show', 'help', 'constructor', '__proto__'),
  );
  const argument = fc.option(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string().map((s) => `parameter stop ${s}`),
    ),
    {
      nil: undefined,
    },
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, argument)), (commands) => {
      const conversation = begun();
      const replies = commands.map(
        ([name, argument]): Reply => dispatchCommand(conversation, { name, argument }, setting),
      );
      for (const line of replies.flatMap(({ lines }) => lines)) assert.doesNotMatch(line, /\p{Cc}/u);
    }),
  );
});

test('completions are commands, and the parameters to set', () => {
  assert.ok(slashCompletions.includes('/clear') && slashCompletions.includes('/set parameter top-k '));
});
