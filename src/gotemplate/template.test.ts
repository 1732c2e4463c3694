import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { LimitError, TemplateError } from '../jinja/errors.ts';
import { GoTemplate } from './template.ts';
import { toValue } from './values.ts';

const limits = { steps: 1e5, output: 1e5, memory: 1e7 };
const render = (source: string, dot: unknown = {}): string => new GoTemplate(source).render(toValue(dot), { limits });

/** Templates over this value, with the texts that Go makes of them. */
const dot = { A: 'a', N: 3, List: ['x', 'y', 'z'], Map: { b: 1, a: { c: 'deep' } }, Empty: '', None: null };
const rendered: readonly (readonly [source: string, text: string])[] = [
  ['{{ .A }}-{{.N}}', 'a-3'],
  ['  {{- .A -}}  \n\tb {{ .A }} ', 'ab a '],
  ['a {{- /* a comment */ -}} b{{/* another }} */}}c', 'abc'],
  ['{{- 3 }}{{-3}}{{ "}}" }}{{ `a"\\n` }}{{ \'x\' }}', '3-3}}a"\\n120'],
  ['{{ if .Empty }}1{{ else if eq .N 3 }}2{{ else }}3{{ end }}', '2'],
  ['{{ if and .A .Empty }}1{{ else }}{{ or .Empty "d" }}{{ and .A .N }}{{ end }}', 'd3'],
  ['{{ if or .A .None.X }}no field of nil is read{{ end }}', 'no field of nil is read'],
  ['{{ range .List }}[{{ . }}]{{ end }}', '[x][y][z]'],
  ['{{ range $i, $e := .List }}{{ $i }}{{ $e }}{{ end }}', '0x1y2z'],
  ['{{ range $e := .List }}{{ if eq $e "y" }}{{ continue }}{{ end }}{{ $e }}{{ end }}', 'xz'],
  ['{{ range .List }}{{ . }}{{ if eq . "y" }}{{ break }}{{ end }}{{ else }}none{{ end }}', 'xy'],
  ['{{ range .None }}1{{ else }}none{{ end }}{{ range 3 }}{{ . }}{{ end }}', 'none012'],
  ['{{ range $k, $v := .Map }}{{ $k }}={{ $v }};{{ end }}', 'a=map[c:deep];b=1;'],
  ['{{ with .Map.a }}{{ .c }}{{ $.A }}{{ else }}none{{ end }}{{ with .Empty }}1{{ else }}2{{ end }}', 'deepa2'],
  ['{{ with .Empty }}1{{ else with .A }}{{ . }}{{ end }}', 'a'],
  ['{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ $x }}{{ end }}{{ $x }}', '32'],
  ['{{ len .List }}{{ len "né" }}{{ index .List 1 }}{{ index .Map "a" "c" }}', '33ydeep'],
  ['{{ slice .List 1 }}{{ slice "hello" 1 3 }}{{ eq (len (slice .List 2)) 1 }}', '[y z]eltrue'],
  [
    '{{ .A | printf "%s-%s" "b" }}{{ printf "%d|%5s|%-3s|%03d|%q|%v|%%" 1 "r" "l" 7 "q" true }}',
    'b-a1|    r|l  |007|"q"|true|%',
  ],
  ['{{ print 1 2 "a" 3 }}{{ println "x" 1 }}', '1 2a3x 1\n'],
  [
    '{{ eq 1 2 3 1 }}{{ ne .A "a" }}{{ lt 1 2 }}{{ le 2 2 }}{{ gt "b" "a" }}{{ ge 1 2 }}{{ not .A }}',
    'truefalsetruetruetruefalsefalse',
  ],
  ['{{ .Missing }}{{ .None }}{{ eq .Missing "x" }}', '<no value><no value>false'],
  [
    '{{ json .Map }}{{ json .List }}{{ json "<&>" }}{{ json .None }}',
    '{"a":{"c":"deep"},"b":1}["x","y","z"]"\\u003c\\u0026\\u003e"null',
  ],
  ['{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" .A }}{{ template "t" }}', '<a><<no value>>'],
  ['{{ block "b" .List }}{{ len . }}{{ end }}{{ template "b" "four" }}', '34'],
  ['{{ (index .List 0) }}{{ ((.Map).a).c }}{{ $.Map.a.c }}', 'xdeepdeep'],
];

test('a template prints what Go prints', () => {
  for (const [source, text] of rendered) assert.equal(render(source, dot), text, source);
});

test('a template that is none is refused with its line', () => {
  for (const [source, message] of [
    ['a\n{{ if .A }}', /line 2.*without an end/],
    ['{{ end }}', /unexpected \{\{ end \}\}/],
    ['\n\n{{ .A', /line 3.*not closed/],
    ['{{ }}', /ends too early/],
    ['{{ . } }}', /unexpected/],
    ['{{ break }}', /outside of a range/],
    ['{{ define "a" }}', /without an end/],
    ['{{ ( .A }}', /ends too early/],
    ['{{ $x := }}', /ends too early/],
    ['{{ if .A }}'.repeat(500), /nests/],
    [`{{ ${'('.repeat(500)} }}`, /nests/],
  ] as const) {
    assert.throws(
      () => new GoTemplate(source),
      (error) => error instanceof Error && message.test(error.message),
      source,
    );
  }
});

test('an error of a template says what it is, and where', () => {
  for (const [source, message] of [
    ['\n{{ nothing }}', /line 2.*no function "nothing"/],
    ['{{ .A.B }}', /no field \.B/],
    ['{{ $x }}', /no variable \$x/],
    ['{{ index .List 9 }}', /out of range/],
    ['{{ eq .A 1 }}', /two types/],
    ['{{ template "t" }}', /no template "t"/],
    ['{{ .A "x" }}', /no function/],
    ['{{ range .A }}{{ end }}', /list or a map/],
    ['{{ printf "%x" 1 }}', /printf with %x/],
    ['{{ constructor }}', /no function/],
  ] as const) {
    assert.throws(
      () => render(source, dot),
      (error) => error instanceof TemplateError && message.test(error.message),
      source,
    );
  }
});

test('a template is stopped at its limits', () => {
  for (const source of [
    '{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }}',
    '{{ range 1000000000 }}{{ end }}',
    `{{ range 1000 }}${'{{ range 1000 }}'.repeat(2)}x{{ end }}{{ end }}{{ end }}`,
    '{{ $x := "aaaaaaaaaaaaaaaa" }}{{ range 40 }}{{ $x = printf "%s%s" $x $x }}{{ end }}',
    '{{ range 1000 }}{{ printf "%1000s" "" }}{{ end }}',
  ]) {
    assert.throws(() => render(source), LimitError, source);
  }
});

test('whatever the source is, it is a template or refused', () => {
  const piece = fc.constantFrom(
    '{{',
    '}}',
    '{{-',
    '-}}',
    ' ',
    '\n',
    '.',
    '.A',
    '$x',
    ':=',
    '=',
    '|',
    '(',
    ')',
    '"s"',
    '1',
    'if',
    'range',
    'end',
    'else',
    'with',
    'define',
    'template',
    'block',
    'len',
    'and',
    'slice',
    'index',
    'nil',
    'break',
    'x',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
      try {
        render(pieces.join(''), dot);
      } catch (error) {
        assert.ok(error instanceof TemplateError, `${error}`);
      }
    }),
    { numRuns: 400 },
  );
});
