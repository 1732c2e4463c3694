import fc, { type Arbitrary } from 'fast-check';
import type { Variables } from './conversations.ts';

const words = [
  '',
  'a',
  'ab',
  'Hello World',
  ' x ',
  'foo-bar_baz',
  'a,b,,c',
  'éÀß',
  '日本語',
  '😀a',
  '42',
  '-7',
  '3.5',
  '1e3',
  'A<b>&',
  "it\\'s",
  'a\\nb\\r\\nc',
  '\\t',
  '%s',
  '{}',
  'x y  z',
  'the End of all-things (now)',
  'aaaa',
  'ǆ',
  'ΑΣ',
  '\\\\',
  '\\u00a0x\\u2028',
  '²',
];
/** Texts between semicolons, on one line or several. */
const listed = (text: string): string[] => text.trim().split(/;\s*/);

const numbers = listed(`
  0; 1; 2; 3; 7; 10; -1; -3; 1.0; 2.5; 0.5; -1.5; 1e20; 1e-7; 0.1; 1e16; 123456.789; 0x1f; 1_000
`);
const small = listed(`0; 1; 2; 3; 5; -1; -2; 10`);
const lists = listed(`
  []; [1, 2, 3]; ['b', 'a', 'C']; xs; (1, 2); (3,); messages; mixed; [none, true]; [[1, 2], [3]]; range(4)
`);
const dicts = listed(`{}; {'a': 1}; d; {1: 2, 1.0: 3, true: 4}; {none: 1, (1, 2): 'x'}`);
const others = listed(`none; true; false; nothing; n; f; t; d.a; d.nothing; messages[0]; loop`);

const methods = listed(`
  upper(); lower(); title(); capitalize(); strip(); splitlines(); split(); expandtabs(); isdigit(); isalpha();
  isupper(); istitle(); isalnum(); isspace()
`);
const methodsOfText = listed(`
  strip; lstrip; rstrip; split; count; find; rfind; startswith; endswith; removeprefix; removesuffix; partition;
  rpartition; join
`);
const methodsOfInt = listed(`center; ljust; rjust; zfill; expandtabs`);
const fields = listed(`%s; %r; %5s|; %-5s|; %.2s; %d; %05d; %x; %.2f; %+d; %e; %g; %5.1f; %c; %o; %#x`);
const braces = listed(`
  {}; {:>8}; {:<5}|; {:^7}; {:05}; {:.2f}; {:,}; {:x}; {!r}; {!s:>5}; {0}{0}; {:+}; {:e}; {:g}; {:%}; {:*^9};
  {:.3}; {:b}; {{}}; {0[0]}
`);
const filters = listed(`
  upper; lower; title; capitalize; trim; string; e; safe; indent; indent('> ', true); truncate(6); reverse;
  wordcount; forceescape; center(9); replace('a', 'b'); length; list; sort; sort(reverse=true); unique | list;
  reverse | list; first; last; join; join(', '); sum; min; max; batch(2) | list; slice(2, 'z') | list;
  items | list; dictsort; map('string') | list; map(attribute='role') | list;
  map(attribute='a', default=0) | list; select | list; select('string') | list;
  selectattr('role', 'eq', 'user') | list; rejectattr('a') | list; groupby('role'); int; float; abs; round;
  round(1); round(1, 'floor'); tojson; tojson(indent=2); default('x'); default('y', true); d(1)
`);
const tests = listed(`
  defined; none; string; number; integer; float; boolean; mapping; sequence; iterable; callable; lower; upper;
  odd; even; divisibleby 3; eq 1; in [1, 2]; true; sameas none
`);

const from = (texts: readonly string[]): Arbitrary<string> => fc.constantFrom(...texts);
/** Parts and what stands between them. */
const text = (strings: TemplateStringsArray, ...parts: readonly Arbitrary<string>[]): Arbitrary<string> =>
  fc.tuple(...parts).map((values) => String.raw({ raw: strings.raw }, ...values));

const quoted = from(words.map((word) => `'${word}'`));
const bound = from(['', ...small]);
const slice = text`[${bound}:${bound}:${from(['', '1', '2', '-1'])}]`;

const { value } = fc.letrec<{ value: string }>((tie) => {
  const inner = tie('value');
  const compound: readonly Arbitrary<string>[] = [
    text`(${inner} ${from(['+', '-', '*', '/', '//', '%', '~'])} ${inner})`,
    text`(${inner} ${from(['==', '!=', '<', '<=', '>', '>=', 'in', 'not in', 'and', 'or'])} ${inner})`,
    text`(${from(numbers)} ${from(['+', '-', '*', '/', '//', '%'])} ${from(numbers)})`,
    text`(${inner} if ${inner} else ${inner})`,
    text`(${inner} | ${from(filters)})`,
    text`(${inner} is ${from(tests)})`,
    text`(not ${inner})`,
    text`${inner}[${inner}]`,
    text`${fc.oneof(quoted, from(lists), text`${quoted}.${from(methods.slice(0, 8))}`)}${slice}`,
    text`${quoted}.${from(methods)}`,
    text`${quoted}.${from(methodsOfText)}(${quoted})`,
    text`${quoted}.${from(methodsOfInt)}(${from(small)})`,
    text`${quoted}.replace(${quoted}, ${quoted}, ${from(small)})`,
    text`(${from(fields.map((field) => `'${field}'`))} % ${inner})`,
    text`${from(braces.map((brace) => `'${brace}'`))}.format(${inner})`,
    text`[${inner}, ${inner}]`,
    text`{${quoted}: ${inner}}`,
    text`d.get(${inner}, ${inner})`,
  ];
  const simple = [quoted, from(numbers), from(lists), from(dicts), from(others)];
  return { value: fc.oneof({ depthSize: 'small', maxDepth: 4, withCrossShrink: true }, ...simple, ...compound) };
});

const space = from(['', 'x', ' ', '\n', '\n\n', '  \n ', '{', '}', '\n    ', '<|im|>', 'é', "'", '%}', ' }}']);
const sign = from(['', '', '-', '+']);
const tag = (body: Arbitrary<string>): Arbitrary<string> => text`${space}{%${sign} ${body} ${sign}%}${space}`;
const named = (name: string): Arbitrary<string> => tag(fc.constant(name));
const printed = text`${space}{{${from(['', '-'])} ${value} ${from(['', '-'])}}}`;

const { block } = fc.letrec<{ block: string }>((tie) => {
  const inner = tie('block');
  const jump = text`${tag(text`if ${value}`)}${tag(from(['break', 'continue']))}${named('endif')}`;
  const loopPart = from([
    'index',
    'index0',
    'revindex',
    'first',
    'last',
    'length',
    'previtem',
    'nextitem',
    'depth',
    "cycle('a', 'b')",
    'changed(i)',
  ]);
  const compound: readonly Arbitrary<string>[] = [
    text`${tag(text`if ${value}`)}${inner}${named('else')}${inner}${named('endif')}`,
    text`${tag(text`for ${from(['i', 'i', 'k, t'])} in ${value}`)}${inner}{{ loop.${loopPart} }}${inner}${named('endfor')}`,
    text`${tag(text`for i in ${from(lists)} if ${value}`)}${inner}${jump}${inner}${named('else')}${inner}${named('endfor')}`,
    text`${tag(text`set ${from(['i', 't', 'n', 'k, t', 'space.a'])} = ${value}`)}${inner}`,
    text`${tag(text`set ${from(['t', 'space.a', 'x | trim'])}`)}${inner}${named('endset')}`,
    text`${tag(text`with ${from(['i', 't'])} = ${value}`)}${inner}${named('endwith')}`,
    text`${tag(text`filter ${from(['upper', 'trim', 'indent', 'e'])}`)}${inner}${named('endfilter')}`,
    text`${tag(text`macro m(${from(['', 'x', 'x, i=1', 't=x'])})`)}${inner}${from(['', '{{ varargs }}', '{{ kwargs }}'])}${named('endmacro')}{{ m(${from(['', '1', '1, 2', 'x=3', '*[1, 2]', '**d'])}) }}`,
    text`{% macro c(a) %}<{{ caller(a) }}>{% endmacro %}${tag(text`call(${from(['x', 't', ''])}) c(${from(['1', ''])})`)}${inner}${named('endcall')}`,
    text`${space}{#${sign} c ${sign}#}${inner}`,
    text`{% raw ${from(['', '-'])}%}${space}{{ x }}{%${sign} endraw ${sign}%}${inner}`,
  ];
  return {
    block: fc.oneof({ depthSize: 'small', maxDepth: 3 }, printed, text`${printed}${printed}`, space, ...compound),
  };
});

const variables: Variables = {
  xs: [3, 1, 2],
  d: { a: 1, b: 'two', c: [1, { x: null }] },
  messages: [
    { role: 'user', content: 'Hi <b>' },
    { role: 'assistant', content: null, a: 3 },
  ],
  mixed: [1, 'a', null, 2.5, true, [1]],
  n: 7,
  f: 2.5,
  t: 'Text with Words',
};

/** Random templates, the same for the same seed. */
export function randomRequests(count: number, seed = 1): { name: string; template: string; variables: Variables }[] {
  const template = fc.oneof(text`{{ ${value} }}`, text`{% set space = namespace(a=1) %}${block}${block}`);
  return fc
    .sample(template, { numRuns: count, seed })
    .map((source) => ({ name: JSON.stringify(source), template: source, variables }));
}
