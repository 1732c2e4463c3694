import assert from 'node:assert/strict';
import test from 'node:test';
import { arr, bool, f32, type MetadataValue, scalar, str, u32, u64 } from '../../bench/gguf-writer.ts';
import { bytesRead } from '../../test/support/processes.ts';
import { writeSmall } from '../../test/support/small-model.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { readHeader } from '../gguf/header.ts';
import { type ModelCard, readCard } from './model-card.ts';

function cardOf(metadata: Readonly<Record<string, MetadataValue>>): ModelCard {
  using folder = tempFolder();
  const path = folder.file('small.gguf');
  writeSmall(path, { metadata });
  return readCard(path, '');
}

test('a card says what the header says', () => {
  const { digest, metadata, ...card } = cardOf({
    'general.file_type': u32(3),
    'general.license': str('apache-2.0'),
    'tokenizer.chat_template': str('{{ messages }}'),
  });
  assert.match(digest, /^sha256:[0-9a-f]{64}$/);
  assert.deepEqual(card, {
    embeds: false,
    family: 'llama',
    parameters: '3K',
    quantization: 'Q4_1',
    trainedContext: 64,
    chats: true,
    thinks: false,
    callsTools: false,
    infills: false,
    sampling: {},
    template: '{{ messages }}',
    toolTemplate: '',
    license: 'apache-2.0',
  });
  assert.equal(metadata['general.architecture'], 'llama');
  assert.equal(metadata['llama.context_length'], 64);
});

test('a second template for tools says that tools can be called', () => {
  const own = { 'tokenizer.chat_template.tool_use': str('{{ tools }}') };
  const { template, toolTemplate, callsTools } = cardOf({ ...own, 'tokenizer.chat_template': str('{{ messages }}') });
  assert.deepEqual(
    { template, toolTemplate, callsTools },
    { template: '{{ messages }}', toolTemplate: '{{ tools }}', callsTools: true },
  );
  assert.equal(cardOf(own).template, '{{ tools }}');
});

test('what the header leaves out is empty', () => {
  const { template, license, quantization } = cardOf({});
  assert.deepEqual({ template, license, quantization }, { template: '', license: '', quantization: 'F32' });
  assert.equal(cardOf({ 'general.license.name': str('of my own') }).license, 'of my own');
});

test('metadata are values that JSON has: no long arrays, no bigints, no chat template twice', () => {
  const { metadata } = cardOf({
    'x.text': str('text'),
    'x.flag': bool(true),
    'x.real': f32(0.5),
    'x.huge': u64(2n ** 63n),
    'x.short': arr('u32', [1, 2, 3]),
    'x.words': arr('string', ['a', 'b']),
    'x.huges': arr('u64', [2n ** 63n]),
    'x.long': arr(
      'i32',
      Array.from({ length: 17 }, (_, i) => i),
    ),
    'x.empty': arr('bool', []),
    'x.small': scalar('i8', -1),
    'tokenizer.chat_template': str('t'),
  });
  const own = Object.fromEntries(Object.entries(metadata).filter(([key]) => key.startsWith('x.')));
  assert.deepEqual(JSON.parse(JSON.stringify(own)), {
    'x.text': 'text',
    'x.flag': true,
    'x.real': 0.5,
    'x.huge': 2 ** 63,
    'x.short': [1, 2, 3],
    'x.words': ['a', 'b'],
    'x.huges': [2 ** 63],
    'x.long': null,
    'x.empty': [],
    'x.small': -1,
  });
  assert.ok(!('tokenizer.chat_template' in metadata));
});

test('the digest changes with the version and with the header, not with the weights', () => {
  using folder = tempFolder();
  const path = folder.file('small.gguf');
  const digest = (version: string, metadata: Readonly<Record<string, MetadataValue>>, fill: number): string => {
    writeSmall(path, { metadata, fill });
    return readCard(path, version).digest;
  };
  const first = digest('1', {}, 0);
  assert.equal(digest('1', {}, 7), first);
  assert.notEqual(digest('2', {}, 0), first);
  assert.notEqual(digest('1', { 'general.name': str('x') }, 0), first);
});

test('the card of a model of many gigabytes with a large vocabulary is read from its header alone', {
  skip: process.platform !== 'linux',
}, () => {
  using folder = tempFolder();
  const path = folder.file('large.gguf');
  writeSmall(path, { vocabulary: 128_000, gigabytes: 40 });
  const { dataOffset } = readHeader(path);
  const before = bytesRead();
  readCard(path, '');
  const read = bytesRead() - before;
  assert.ok(read < 3 * dataOffset, `${read} bytes read for a header of ${dataOffset}`);
});
