import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { grammarFromOptions } from './form-options.ts';

const folder = sharedFolder();
const stdin = (text: string) =>
  async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
  };
const none = stdin('');

test('a schema or a grammar is in a file, in the option, or on stdin', async () => {
  const schema = { kind: 'schema', schema: { type: 'object' } };
  const [file, text] = [folder.file('schema.json'), '{"type": "object"}'];
  writeFileSync(file, text);
  assert.deepEqual(await grammarFromOptions({ jsonSchema: file }, none), schema);
  assert.deepEqual(await grammarFromOptions({ jsonSchema: text }, none), schema);
  assert.deepEqual(await grammarFromOptions({ jsonSchema: '-' }, stdin(text)), schema);
  const gbnf = { kind: 'gbnf', text: 'root ::= "a"' };
  writeFileSync(file, gbnf.text);
  assert.deepEqual(await grammarFromOptions({ gbnf: file }, none), gbnf);
  assert.deepEqual(await grammarFromOptions({ gbnf: gbnf.text }, none), gbnf);
  assert.equal(await grammarFromOptions({}, none), undefined);
});

test('a file that cannot be read, or is no JSON, is named', async () => {
  await assert.rejects(
    grammarFromOptions({ jsonSchema: folder.file('none') }, none),
    engineError('UNREADABLE', 'ENOENT'),
  );
  await assert.rejects(grammarFromOptions({ jsonSchema: '{' }, none), engineError('BAD_GRAMMAR', 'no JSON'));
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(2 ** 16);
  };
  await assert.rejects(grammarFromOptions({ gbnf: '-' }, endless), engineError('UNREADABLE', 'more than'));
});
