import assert from 'node:assert/strict';
import test from 'node:test';
import * as z from 'zod';
import { post, served } from '../../../test/support/served.ts';
import { grammarFields, grammarIn } from './grammar-fields.ts';

const Body = z.looseObject(grammarFields).transform(grammarIn);
const schema = { type: 'object', properties: { a: { type: 'integer' } } };

test('each way of asking for a form of the answer is understood', () => {
  const asSchema = { kind: 'schema', schema };
  const anyObject = { kind: 'json' };
  const gbnf = { kind: 'gbnf', text: 'root ::= "a"' };
  const regex = { kind: 'regex', pattern: 'a+' };
  const choice = { kind: 'choice', items: [{ kind: 'text', text: 'a' }] };
  for (const [body, source] of [
    [{ response_format: { type: 'json_schema', json_schema: { name: 'x', strict: true, schema } } }, asSchema],
    [{ response_format: { type: 'json_schema', schema } }, asSchema],
    [{ response_format: { type: 'json_object', schema } }, asSchema],
    [{ response_format: { type: 'json_object' } }, anyObject],
    [{ json_schema: schema }, asSchema],
    [{ guided_json: JSON.stringify(schema) }, asSchema],
    [{ structured_outputs: { json: schema } }, asSchema],
    [{ structured_outputs: { json_object: true } }, anyObject],
    [{ grammar: gbnf.text }, gbnf],
    [{ guided_grammar: gbnf.text }, gbnf],
    [{ structured_outputs: { grammar: gbnf.text } }, gbnf],
    [{ guided_regex: 'a+' }, regex],
    [{ structured_outputs: { regex: 'a+' } }, regex],
    [{ guided_choice: ['a'] }, choice],
    [{ structured_outputs: { choice: ['a'] } }, choice],
    [{ response_format: { type: 'text' } }, undefined],
    [{ response_format: {} }, undefined],
    [{ response_format: null, grammar: '', guided_json: null, structured_outputs: {} }, undefined],
  ] as const) {
    assert.deepEqual(Body.parse(body), source, JSON.stringify(body));
  }
});

test('what is not valid, or said twice, is refused by its field', () => {
  for (const [body, field] of [
    [{ response_format: { type: 'json_schema', json_schema: { name: 'x' } } }, 'response_format'],
    [{ response_format: { type: 'xml' } }, 'response_format'],
    [{ guided_json: '{' }, 'guided_json'],
    [{ guided_choice: [] }, 'guided_choice'],
    [{ grammar: 'root ::= "a"', guided_regex: 'a' }, 'guided_regex'],
    [{ response_format: { type: 'json_object' }, json_schema: schema }, 'json_schema'],
    [{ structured_outputs: { structural_tag: '{}' } }, 'structured_outputs'],
    [{ structured_outputs: { choise: ['a'] } }, 'structured_outputs'],
    [{ structured_outputs: { json: schema, whitespace_pattern: ' ' } }, 'structured_outputs'],
  ] as const) {
    const { error } = Body.safeParse(body);
    assert.equal(error?.issues[0]?.path[0], field, JSON.stringify(body));
  }
});

test('a member of structured_outputs that nobody knows is a warning beside one that counts', async () => {
  const body = { prompt: 'Hi', structured_outputs: { choice: ['a'], reegx: 'b' } };
  const response = await post(served(), '/v1/completions', body);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('warning') ?? '', /unknown: 'structured_outputs.reegx'/);
});
