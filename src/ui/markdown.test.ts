import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type Inline, type MarkdownBlock, parseMarkdown } from './markdown.ts';

const inlinesOf = (block: MarkdownBlock): readonly Inline[] =>
  block.kind === 'code' ? [] : block.kind === 'list' ? block.items.flat() : block.inlines;

/** Every link of an answer. */
const linksOf = (text: string): readonly string[] =>
  parseMarkdown(text)
    .flatMap(inlinesOf)
    .flatMap((inline) => (inline.kind === 'link' ? [inline.href] : []));

test('paragraphs, headings, lists, quotes and code are told apart', () => {
  const text =
    '# Title\nOne **two** `three`\nfour\n\n- a\n- *b*\n1. c\n> said\n```ts\nconst x = "<b>";\n\n# no title\n```\nend';
  assert.deepEqual(parseMarkdown(text), [
    { kind: 'heading', inlines: [{ kind: 'text', text: 'Title' }] },
    {
      kind: 'paragraph',
      inlines: [
        { kind: 'text', text: 'One ' },
        { kind: 'strong', text: 'two' },
        { kind: 'text', text: ' ' },
        { kind: 'code', text: 'three' },
        { kind: 'text', text: '\nfour' },
      ],
    },
    { kind: 'list', ordered: false, items: [[{ kind: 'text', text: 'a' }], [{ kind: 'emphasis', text: 'b' }]] },
    { kind: 'list', ordered: true, items: [[{ kind: 'text', text: 'c' }]] },
    { kind: 'quote', inlines: [{ kind: 'text', text: 'said' }] },
    { kind: 'code', language: 'ts', text: 'const x = "<b>";\n\n# no title' },
    { kind: 'paragraph', inlines: [{ kind: 'text', text: 'end' }] },
  ]);
});

test('code that has not ended yet is code already', () => {
  assert.deepEqual(parseMarkdown('```\nhalf'), [{ kind: 'code', language: '', text: 'half' }]);
});

test('HTML is text, and links lead to the web or are text', () => {
  const hostile = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '[a](javascript:alert(1))',
    '[a](JaVaScRiPt:alert(1))',
    '[a](data:text/html,<script>alert(1)</script>)',
    '[a]( javascript:alert(1))',
    '[a](//evil.example/x)',
    '![a](https://evil.example/pixel.png "x")',
  ];
  for (const text of hostile) {
    assert.deepEqual(linksOf(text), [], text);
    assert.equal(
      parseMarkdown(text)
        .flatMap(inlinesOf)
        .map((part) => part.text)
        .join(''),
      text,
    );
  }
  assert.deepEqual(linksOf('see [it](https://example.com/a?b=1)'), ['https://example.com/a?b=1']);
});

test('only a line of marks alone ends a block of code', () => {
  assert.deepEqual(parseMarkdown('```\na\n```b\n````\nc'), [
    { kind: 'code', language: '', text: 'a\n```b' },
    { kind: 'paragraph', inlines: [{ kind: 'text', text: 'c' }] },
  ]);
});

test('of any text every letter is kept, and no link has another scheme than those of the web', () => {
  const piece = fc.constantFrom(
    'a',
    ' ',
    '\n',
    '`',
    '```',
    '*',
    '**',
    '[',
    '](',
    ')',
    'http://x.y',
    'javascript:x',
    '<b>',
    '- ',
    '# ',
    '> ',
    '1. ',
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
      (text) => {
        for (const href of linksOf(text)) assert.match(href, /^https?:\/\//);
        const shown = parseMarkdown(text)
          .map((block) =>
            block.kind === 'code'
              ? block.language + block.text
              : inlinesOf(block)
                  .map((part) => (part.kind === 'link' ? part.text + part.href : part.text))
                  .join(''),
          )
          .join('');
        const letters = (of: string): number => of.match(/b/g)?.length ?? 0;
        assert.equal(letters(shown), letters(text));
      },
    ),
  );
});

test('a long answer of nothing but marks is parsed at once', () => {
  for (const mark of ['[', '*', '**a', '`', '> ', '- ', '[a](']) {
    const began = process.cpuUsage();
    parseMarkdown(mark.repeat(20_000));
    assert.ok(process.cpuUsage(began).user < 2e6, mark);
  }
});
