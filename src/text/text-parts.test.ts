import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { bytePairCutRule, sentencePieceCutRule, UnitPairs } from './cut-rules.ts';
import { type CutRule, maxPartUnits, textParts } from './text-parts.ts';

const names = new UnitPairs();
names.addAll('<|im_end|>');
names.addAll('<|im_start|>');
const words = bytePairCutRule('llama-bpe', names);
const matched = bytePairCutRule('deepseek-llm', names);
const lines = bytePairCutRule('gemma4', names);
const merged = sentencePieceCutRule(names);
const cuttings = { words, matched, lines, merged };

const cut = (text: string, cutting: CutRule): readonly string[] => [...textParts(text, cutting)];

test('a text of one part stays whole', () => {
  const text = 'some words in a line\n'.repeat(700);
  for (const cutting of Object.values(cuttings)) assert.deepEqual(cut(text, cutting), [text]);
});

test('a longer text is cut after words, or signs that end them', () => {
  for (const [text, cutting, begins] of [
    ['eleven char '.repeat(3000), words, /^ /],
    ['eleven char '.repeat(3000), matched, /^ /],
    ['今天天气很好，'.repeat(3000), words, /^，/],
    ['今天天气很好，'.repeat(3000), matched, /^，/],
    ['{"port":9000,"open":true},'.repeat(1000), words, /^["}]/],
    ['one line of many words\n'.repeat(1000), lines, /^one|^\n/],
    ['a1b2c3'.repeat(5000), words, /^[a-c0-9]/],
  ] as const) {
    const parts = cut(text, cutting);
    assert.ok(parts.length > 1);
    for (const part of parts.slice(1)) assert.match(part, begins);
  }
});

test('the name of a control token is not cut', () => {
  for (const cutting of [words, merged]) {
    for (let before = maxPartUnits - 40; before < maxPartUnits + 4; before++) {
      const text = `${'x '.repeat(before / 2)}${'x'.repeat(before % 2)}<|im_end|>\n<|im_start|>assistant\n${'y '.repeat(maxPartUnits)}`;
      const parts = cut(text, cutting);
      assert.equal(parts.filter((part) => part.includes('<|im_end|>')).length, 1, String(before));
      assert.equal(parts.filter((part) => part.includes('<|im_start|>')).length, 1, String(before));
    }
  }
});

test('a text that may be cut nowhere is cut between words, and before what may be a control token', () => {
  const nowhere = { stretch: maxPartUnits, between: () => false };
  for (const part of cut('some words '.repeat(3000), nowhere).slice(1)) assert.match(part, /^ /);
  const [, second = ''] = cut(`${'x'.repeat(maxPartUnits - 5)}<|im_end|>${'x'.repeat(10)}`, nowhere);
  assert.match(second, /^<\|im_end\|>/);
});

test('the parts make up the text; none is longer than may be, has a run that is too long, or half a character', () => {
  const run = fc.tuple(
    fc.constantFrom('a', ' ', '\n', '7', '!', '中', '😀', "it's ", 'word ', '<|im_end|>', 'é', 'a\n', '\uD800'),
    fc.integer({ min: 1, max: 9000 }),
  );
  fc.assert(
    fc.property(fc.array(run, { maxLength: 5 }), fc.constantFrom(...Object.values(cuttings)), (runs, cutting) => {
      const text = runs.map(([one, times]) => one.repeat(times)).join('');
      const parts = cut(text, cutting);
      assert.equal(parts.join(''), text);
      for (const part of parts) {
        assert.ok(part.length <= maxPartUnits);
        let from = 0;
        for (let i = 1; i <= part.length; i += 1) {
          if (i === part.length || cutting.between(part.charCodeAt(i - 1), part.charCodeAt(i))) {
            assert.ok(i - from <= cutting.stretch);
            from = i;
          }
        }
      }
      for (const [i, part] of parts.entries()) {
        const next = parts[i + 1] ?? '';
        assert.ok(!(/[\uD800-\uDBFF]$/.test(part) && /^[\uDC00-\uDFFF]/.test(next)));
      }
    }),
    { numRuns: 60 },
  );
});
