import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { LimitError, type LimitName, TemplateError } from './errors.ts';
import { Template } from './template.ts';

const limits = { steps: 100_000, output: 10_000, memory: 1_000_000 };

const stopped = (source: string, ...names: readonly LimitName[]): void =>
  assert.throws(
    () => new Template(source).render({}, { limits }),
    (e) => e instanceof LimitError && names.includes(e.limit),
    source.slice(0, 100),
  );

test('a template that loops is stopped by its steps', () => {
  const loop = (body: string): string => `{% for i in range(60000) %}${body}{% endfor %}`;
  stopped(loop(loop(loop(''))), 'steps');
  stopped(loop('{% set x = [3, 1, 2] * 1000 == [3, 1, 2] * 1000 %}'), 'steps', 'memory');
  stopped(loop("{% if 'b' in 'a' * 1000 %}{% endif %}"), 'steps', 'memory');
  stopped('{% macro f(n) %}{{ f(n - 1) if n }}{{ f(n - 1) if n }}{% endmacro %}{{ f(40) }}', 'steps');
});

test('a template that prints without end is stopped by its output', () => {
  stopped(`{% for i in range(60000) %}${'lorem ipsum '.repeat(20)}{% endfor %}`, 'output');
});

test('a value that grows is stopped before it is made', () => {
  const doubling = (start: string, step: string): string =>
    `{% set n = namespace(x=${start}) %}{% for i in range(60) %}{% set n.x = ${step} %}{% endfor %}`;
  stopped(doubling("'abcdef'", 'n.x + n.x'), 'memory');
  stopped(doubling("'abcdef'", 'n.x ~ n.x'), 'memory');
  stopped(doubling("'abcdef'", "n.x.replace('a', 'aa')"), 'memory', 'steps');
  stopped(doubling('[1]', 'n.x + n.x'), 'memory', 'steps');
  stopped(doubling('(1,)', 'n.x * 2'), 'memory', 'steps');
  stopped(`${doubling('[1]', '[n.x, n.x]')}{{ n.x }}`, 'memory', 'steps');
  stopped(`${doubling('[1]', '[n.x, n.x]')}{{ n.x | tojson }}`, 'memory', 'steps');
});

test('no operation makes more than a limit allows at once', () => {
  const huge = 10 ** 12;
  for (const expression of [
    `'x' * ${huge}`,
    `[1] * ${huge}`,
    `'x' | center(${huge})`,
    `'x'.ljust(${huge})`,
    `'x'.rjust(${huge})`,
    `'1'.zfill(${huge})`,
    `'\\t'.expandtabs(${huge})`,
    `'%${huge}d' % 1`,
    `'%.${huge}d' % 1`,
    `'%*d' % (${huge}, 1)`,
    `'{:>${huge}}'.format(1)`,
    `'{:{}}'.format(1, ${huge})`,
    `'a\\nb' | indent(${huge})`,
    `[1] | tojson(indent=${huge})`,
    `[1] | batch(${huge}, 0) | list`,
    `[1] | slice(${huge}) | list`,
    `('x' * 9999) | replace('x', 'y' * 9999)`,
    `range(99999) | join('y' * 9999)`,
    `('y' * 9999).join('x' * 9999)`,
    `range(99999) | list`,
  ]) {
    stopped(`{{ ${expression} }}`, 'memory', 'steps');
  }
});

test('what nests too deep is stopped before the stack is full', () => {
  stopped('{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', 'depth');
  stopped('{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}', 'depth');
  stopped(
    "{% set n = namespace(x=[1]) %}{% for i in range(900) %}{% set n.x = n.x | map('string') %}{% endfor %}{{ n.x | list }}",
    'depth',
  );
  const nested = (use: string): string =>
    `{% set n = namespace(x=[1]) %}{% for i in range(900) %}{% set n.x = [n.x] %}{% endfor %}{{ ${use} }}`;
  for (const use of ['n.x', 'n.x | tojson', '[n.x] == [[n.x]]', '{(n.x | list | string): 1}'])
    stopped(nested(use), 'depth');
  stopped(`{{ ${'1 + '.repeat(5000)}1 }}`, 'depth');
});

test('a source that nests too deep or is too long is refused, however it is damaged', () => {
  const refused = (source: string): void => assert.throws(() => new Template(source), TemplateError);
  for (const piece of ['(', '[', '{', 'not ', '-', '1 if 1 else ', 'a(', 'a[', "'a' ~ (", '{"a": '])
    refused(`{{ ${piece.repeat(50_000)}`);
  for (const piece of ['{% if 1 %}', '{% for a in b %}', '{% macro f() %}', '{%', '{{', '{#', '{% raw %}{%', '{']) {
    refused(piece.repeat(20_000));
  }
  refused('x'.repeat(2 ** 20));
});

test('a rendering takes the same steps each time, and one step less is too few', () => {
  const words = fc.constantFrom(
    'x',
    '[1, 2]',
    "'a b'",
    '1.5',
    'none',
    "{'k': x}",
    'x | string',
    'x ~ x',
    '[x, x]',
    "'b' in 'abc'",
  );
  const statement = words.map((word) => `{% for i in [1, 2, 3] %}{% set x = ${word} %}{{ x }}{% endfor %}`);
  fc.assert(
    fc.property(fc.array(statement, { maxLength: 5 }), (statements) => {
      const template = new Template(statements.join(''));
      const run = (steps: number): string => template.render({}, { limits: { ...limits, steps } });
      let [low, high] = [0, 10_000];
      const text = run(high);
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        try {
          assert.equal(run(middle), text);
          high = middle;
        } catch (error) {
          assert.ok(error instanceof LimitError && error.limit === 'steps');
          low = middle + 1;
        }
      }
      assert.equal(run(low), text);
    }),
    { numRuns: 50 },
  );
});
