import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { formatModelfile, parseModelfile } from './modelfile.ts';

test('a Modelfile has a model, and what is added to it', () => {
  const file = parseModelfile(
    [
      '# a comment',
      'from llama3.2:1b',
      '',
      '\tPARAMETER  temperature 0.5',
      'PARAMETER stop "<|end|>"',
      'parameter STOP User:   ',
      'PARAMETER num_ctx 4096',
      'PARAMETER num_gpu 99',
      'SYSTEM """',
      'You are "Mario".',
      '# no comment here',
      '"""',
      'TEMPLATE "{{ .Prompt }}',
      'and on"',
      'MESSAGE user Hi there',
      'MESSAGE assistant """Hello."""',
      'ADAPTER ./a.gguf # not a comment either',
      'LICENSE MIT',
      'LICENSE Apache',
      'REQUIRES 0.14.0',
      'PARSER qwen3',
    ].join('\r\n'),
  );
  assert.deepEqual(file, {
    from: 'llama3.2:1b',
    adapters: ['./a.gguf # not a comment either'],
    licenses: ['MIT', 'Apache'],
    system: '\nYou are "Mario".\n# no comment here\n',
    template: '{{ .Prompt }}\nand on',
    parameters: { temperature: 0.5, stop: ['<|end|>', 'User:'], num_ctx: 4096, num_gpu: '99' },
    messages: [
      { role: 'user', content: 'Hi there' },
      { role: 'assistant', content: 'Hello.' },
    ],
    unused: ['PARAMETER num_gpu: without effect here', 'PARSER: the chat template decides'],
  });
});

test('a fault is told with its line, and with what was expected', () => {
  for (const [text, line, message] of [
    ['', 1, /without FROM/],
    ['SYSTEM x', 1, /without FROM/],
    ['FROM a\n\nFROMM b', 3, /FROMM.*expected FROM, PARAMETER/],
    ['FROM a\n{{ .Prompt }}', 2, /\{\{/],
    ['FROM', 1, /FROM.*a text/],
    ['FROM a\nFROM b', 2, /no second model/],
    ['# x\nFROM a\nSYSTEM """\nopen\n', 3, /"""/],
    ['FROM a\nSYSTEM "open', 2, /" at the end/],
    ['FROM a\nPARAMETER temperature hot', 2, /temperature hot.*a number/],
    ['FROM a\nPARAMETER temperature', 2, /PARAMETER/],
    ['FROM a\nPARAMETER top_p 2', 2, /from 0 to 1/],
    ['FROM a\nPARAMETER num_ctx 1.5', 2, /whole number/],
    ['FROM a\nPARAMETER temprature 1', 2, /temprature.*temperature/],
    ['FROM a\nPARAMETER __proto__ 1', 2, /__proto__/],
    ['FROM a\nMESSAGE tool x', 2, /tool.*a role/],
    ['FROM a\nDRAFT b', 2, /--draft-model/],
  ] as const) {
    assert.throws(
      () => parseModelfile(text),
      (error) =>
        engineError('BAD_OPTION', message)(error) &&
        (error as Error).message.includes(`line ${line} of the Modelfile: `),
      text,
    );
  }
});

test('values below zero mean what they do in requests', () => {
  const { parameters } = parseModelfile(
    'FROM a\nPARAMETER seed -1\nPARAMETER repeat_last_n -1\nPARAMETER num_predict -2',
  );
  assert.deepEqual(parameters, { seed: -1, repeat_last_n: -1, num_predict: -2 });
});

test('a Modelfile that was written is read as it was, whatever the texts are', () => {
  const piece = fc.constantFrom(
    'a',
    'B c',
    ' ',
    '\n',
    '"',
    '"""',
    '#',
    'FROM x',
    '{{ .System }}',
    '\t',
    'é',
    '漢',
    '\\',
  );
  const text = fc
    .array(piece, { minLength: 1, maxLength: 6 })
    .map((pieces) => pieces.join(''))
    // There is nothing to escape quotes with.
    .filter((one) => one.trim() !== '' && !/"""[ \t]*(?:\n|$)/.test(one));
  const file = fc.record({
    from: fc.constantFrom('a', '/b c/d.gguf'),
    adapters: fc.array(fc.constantFrom('./x.gguf'), { maxLength: 1 }),
    licenses: fc.array(text, { maxLength: 2 }),
    template: text,
    system: text,
    parameters: fc.record(
      {
        temperature: fc.double({ min: 0, max: 2, noNaN: true }),
        stop: fc.array(text, { minLength: 1 }),
      },
      { noNullPrototype: true },
    ),
    messages: fc.array(
      fc.record({ role: fc.constantFrom('user', 'assistant'), content: text }, { noNullPrototype: true }),
      { minLength: 1 },
    ),
  });
  fc.assert(
    fc.property(file, (given) => {
      assert.deepEqual(parseModelfile(formatModelfile(given)), { ...given, unused: [] });
    }),
  );
});
