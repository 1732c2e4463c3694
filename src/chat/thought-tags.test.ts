import assert from 'node:assert/strict';
import test from 'node:test';
import { canThink, opensThoughts, thoughtTagsOf } from './thought-tags.ts';

test('the tags are those that a template writes or takes out', () => {
  assert.equal(thoughtTagsOf("{{ content.split('</think>')[-1] }}")?.open, '<think>');
  assert.equal(thoughtTagsOf("{{ '[THINK]' ~ message.thinking ~ '[/THINK]' }}")?.close, '[/THINK]');
  assert.equal(thoughtTagsOf("{{ '<|im_start|>' }}"), undefined);
});

test('tags that a template makes of parts are known, and those that only its comments name are none', () => {
  assert.equal(
    thoughtTagsOf("{%- set end = '</think{}>'.format(x) %}{%- set begin = '<think{}>'.format(x) %}")?.open,
    '<think:opensource>',
  );
  assert.equal(thoughtTagsOf("{{- open_tag('think') -}}")?.close, '<|close|>think<|sep|>');
  assert.equal(thoughtTagsOf("{# no <think> #}{{ '<thinking>' }}")?.open, '<thinking>');
  assert.equal(thoughtTagsOf('{{- /* no <think> */ -}}{{ .Response }}'), undefined);
});

test('a model can think if its template has tags, or a channel, for thoughts', () => {
  assert.ok(canThink("{{ '<think>' }}") && canThink("{{ '<|channel|>analysis<|message|>' }}"));
  assert.ok(!canThink("{{ '<|im_start|>' }}"));
});

test('a prompt opens thoughts if it ends with the tag, whatever a message says', () => {
  const tags = { open: '<think>', close: '</think>' };
  assert.ok(opensThoughts('<|im_start|>assistant\n<think>\n', tags));
  assert.ok(!opensThoughts('user\nIs it <think>?<|im_end|>\n<|im_start|>assistant\n', tags));
  assert.ok(!opensThoughts('assistant\n<think>\n\n</think>\n\n', tags));
});
