import assert from 'node:assert/strict';
import test from 'node:test';
import { LimitError, TemplateError } from './errors.ts';
import { Template } from './template.ts';

const limits = { steps: 100_000, output: 10_000, memory: 1_000_000 };
const render = (source: string, variables: Readonly<Record<string, unknown>> = {}): string =>
  new Template(source).render(variables, { limits, now: new Date('2025-03-04T00:05:09') });

const refuses = (source: string, reason: RegExp, variables: Readonly<Record<string, unknown>> = {}): void =>
  assert.throws(
    () => render(source, variables),
    (e) => e instanceof TemplateError && !(e instanceof LimitError) && reason.test(e.message),
    source,
  );

test('a value prints as Python prints it', () => {
  assert.equal(
    render('{{ x }}', { x: [true, null, 'a\n', 1, 0.5, { k: [] }] }),
    "[True, None, 'a\\n', 1, 0.5, {'k': []}]",
  );
  assert.equal(
    render('{{ (1,) }}{{ () }}{{ 1 == 1 }}{{ 1 / 2 }}{{ 7 // -2 }}{{ -7 % 3 }}{{ 2 ** 3 }}'),
    '(1,)()True0.5-428',
  );
});

test('the keys of a dict keep their types and their order', () => {
  assert.equal(
    render("{% set ranks = {0: 'first', 1: 'second'} %}{{ ranks[1] }}{{ ranks }}"),
    "second{0: 'first', 1: 'second'}",
  );
  assert.equal(render('{{ x }}', { x: { b: 1, a: 2 } }), "{'b': 1, 'a': 2}");
});

test('what an iteration has printed before "break" stays', () => {
  assert.equal(render('{% for n in [1, 2, 3] %}<{{ n }}{% if n == 2 %}{% break %}{% endif %}>{% endfor %}'), '<1><2');
});

test('a filter of a sequence makes nothing of none', () => {
  assert.equal(render("{{ tools | selectattr('name') | list | length }} tools", { tools: null }), '0 tools');
});

test('texts have the methods of Python', () => {
  assert.equal(render("{{ '%d message(s), %s first' % (1, 'user') }}"), '1 message(s), user first');
  assert.equal(render("{{ '[{}] {:>4}{0[0]}'.format('user', 'Hi') }}".replace('{0[0]}', '')), '[user]   Hi');
  assert.equal(render("{{ 'north-harbour-7'.rsplit('-', 1)[0] }}"), 'north-harbour');
  assert.equal(render("[{{ '\\n\\n    total += 1'.lstrip('\\n') }}]"), '[    total += 1]');
});

test('text in a raw block is no template', () => {
  assert.equal(render('{% raw %}Write {{name}} for the name.{% endraw %} Hi'), 'Write {{name}} for the name. Hi');
});

test('texts are counted and cut by code points', () => {
  assert.equal(render("{{ '👩🏽ab' | length }}{{ '👩ab'[1] }}{{ '👩ab'[::-1] }}"), '4aba👩');
});

test('JSON is written as Hugging Face has it: no characters of HTML escaped, none of Unicode either', () => {
  const x = { a: [1, 'é<b>', null], b: {} };
  assert.equal(render('{{ x | tojson }}', { x }), '{"a": [1, "é<b>", null], "b": {}}');
  assert.equal(render("{{ x | tojson(indent=1, separators=(',', ':')) }}", { x: { a: [1] } }), '{\n "a":[\n  1\n ]\n}');
});

test('a variable that is set in a loop is forgotten after its turn, an attribute of a namespace is not', () => {
  const source =
    '{% set x = 0 %}{% set ns = namespace(x=0) %}{% for i in [1, 2] %}{{ x }}{% set x = i %}{% set ns.x = i %}{% endfor %}';
  assert.equal(render(`${source}|{{ x }}{{ ns.x }}`), '00|02');
});

test('an iterator can be gone through once', () => {
  assert.equal(render("{% set g = [1, 2] | map('string') %}{{ g | join }}|{{ g | join }}"), '12|');
});

test('macros know their defaults, what else they were given, and who calls them', () => {
  assert.equal(
    render('{% macro f(a, b=2) %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1) }}{{ f(1, 3, 4, c=5) }}'),
    "12(){}13(4,){'c': 5}",
  );
  assert.equal(render('{% macro f() %}<{{ caller(1) }}>{% endmacro %}{% call(x) f() %}{{ x }}{% endcall %}'), '<1>');
});

test('marks for training are no text', () => {
  assert.equal(render('a{% generation %}b{{ 1 }}{% endgeneration %}c'), 'ab1c');
});

test('the date is in English', () => {
  assert.equal(render("{{ strftime_now('%d %b %Y') }}"), '04 Mar 2025');
});

test('a use of what is not there is an error, but printing it and asking whether it is there', () => {
  assert.equal(render("[{{ nothing }}{{ {}.x }}]{{ nothing is defined }}{{ nothing | default('d') }}"), '[]Falsed');
  refuses('{{ nothing.x }}', /"nothing" is undefined/);
  refuses('{{ nothing + 1 }}', /"nothing" is undefined/);
});

test('an error names the line', () => {
  refuses('a\nb {{ 1 / 0 }}', /^line 2: division by zero$/);
  refuses('a\n\n{% if %}', /^line 3: /);
  refuses("{# \n #}{{ raise_exception('no tools') }}", /^line 2: no tools$/);
});

test('what other templates, the file system or changes of values would need is refused', () => {
  for (const tag of ['include "x"', 'import "x" as y', 'extends "x"', 'do x', 'autoescape true'])
    refuses(`{% ${tag} %}`, /not supported/);
  refuses('{{ [].append(1) }}', /would change a list/);
  refuses("{{ {}.update({'a': 1}) }}", /would change a dict/);
  refuses("{{ ''.__class__ }}", /not supported/);
});

test('what would print otherwise than in Python is refused', () => {
  refuses('{{ 2 ** 64 }}', /beyond 2 \*\* 53/);
  refuses("{{ [1] | map('string') }}", /generator/);
  refuses("{{ ''.upper }}", /printing a function/);
});

test('an unknown filter or test is found before anything is rendered, unless a condition may avoid it', () => {
  assert.throws(() => new Template('{{ x | nonsense }}'), /no filter "nonsense"/);
  assert.throws(() => new Template('{{ x is nonsense }}'), /no test "nonsense"/);
  assert.equal(render('{% if x %}{{ x | nonsense }}{% endif %}'), '');
});
