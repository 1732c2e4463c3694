import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { isBadOption } from '../base/errors.ts';
import { lookUp, nameIndex } from '../library/model-names.ts';
import { alreadyThere, type PullSource, pullSource, registryName } from './pull-source.ts';

const ofRepository = (name: string, repository: string, quantization?: string): void =>
  assert.deepEqual(pullSource(name), { kind: 'repository', repository, quantization }, name);

test('a repository of Hugging Face is meant by its page, by hf.co, or by a name that ends in -GGUF', () => {
  ofRepository('hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M', 'bartowski/Llama-3.2-1B-Instruct-GGUF', 'Q4_K_M');
  ofRepository('huggingface.co/org/repo', 'org/repo');
  ofRepository('https://huggingface.co/org/repo/', 'org/repo');
  ofRepository('https://huggingface.co/org/repo/tree/main', 'org/repo');
  ofRepository('hf://org/repo:Q8_0', 'org/repo', 'Q8_0');
  ofRepository('unsloth/Qwen3-8B-GGUF:UD-Q3_K_XL', 'unsloth/Qwen3-8B-GGUF', 'UD-Q3_K_XL');
  ofRepository('org/name-gguf', 'org/name-gguf');
});

test('a file of a repository is meant by its page, and by its download', () => {
  const expected = { kind: 'repository', repository: 'org/repo', file: 'sub/a b-Q4_0.gguf' };
  for (const way of ['resolve', 'blob']) {
    assert.deepEqual(pullSource(`https://huggingface.co/org/repo/${way}/main/sub/a%20b-Q4_0.gguf`), expected);
  }
  assert.deepEqual(pullSource('https://hf.co/org/repo/resolve/main/sub/a%20b-Q4_0.gguf?download=true'), expected);
  assert.deepEqual(pullSource('hf.co/org/repo/x.gguf'), { kind: 'repository', repository: 'org/repo', file: 'x.gguf' });
});

test('any other URL of a GGUF file is taken as it is', () => {
  for (const url of ['https://example.com/models/a.gguf', 'http://127.0.0.1:8000/b.gguf?key=1']) {
    assert.deepEqual(pullSource(url), { kind: 'url', url });
  }
});

test('a URL with the ending, the query or the folders of a file is one: its header says that it is no model', () => {
  for (const url of [
    'https://example.com/x.txt',
    'https://example.com/models/model.safetensors',
    'https://example.com/download?id=3',
    'https://example.com/a/b/c/model',
    'http://localhost:8000/a/model.bin',
  ]) {
    assert.deepEqual(pullSource(url), { kind: 'url', url });
  }
  const ofRegistry = [
    'https://my.host/me/mine',
    'https://my.host/me/llama3.2:1b',
    'http://localhost:5000/llama3.2',
    'https://my.host/me/v1.5-mini',
  ];
  for (const name of ofRegistry) assert.equal(pullSource(name).kind, 'registry', name);
  for (const name of [
    'https://huggingface.co/org/repo/blob/main/model.safetensors',
    'https://example.com/',
    'https://ollama.com/library/a.txt/b/c',
  ]) {
    assert.throws(() => pullSource(name), isBadOption, name);
  }
});

test("a name of Ollama's registry, or of another, is read as Ollama reads it", () => {
  const ollama = (name: string, model: string, tag: string): void =>
    assert.deepEqual(pullSource(name), { kind: 'registry', host: 'registry.ollama.ai', model, tag }, name);
  ollama('llama3.2:1b', 'library/llama3.2', '1b');
  ollama('llama3.2', 'library/llama3.2', 'latest');
  ollama('someone/model:8b', 'someone/model', '8b');
  ollama('registry.ollama.ai/library/llama3.2:1b', 'library/llama3.2', '1b');
  ollama('https://ollama.com/library/llama3.2:1b', 'library/llama3.2', '1b');
  const other = { kind: 'registry', host: 'localhost:5000', model: 'me/mine', tag: 'v1' };
  assert.deepEqual(pullSource('localhost:5000/me/mine:v1'), other);
});

test('the name of a model in a registry leads back to it', () => {
  const names = ['llama3.2:1b', 'someone/model:8b', 'localhost:5000/me/mine:v1', 'my.host/me/mine:latest'];
  for (const name of names) {
    const source = pullSource(name);
    assert.ok(source.kind === 'registry');
    assert.equal(registryName(source), name);
  }
});

test('anything else is refused, with what would be a name', () => {
  const wrong = [
    '',
    ' ',
    'a b',
    '../../etc/passwd',
    '/etc/passwd',
    'https://example.com/',
    'a/b/c/d/e',
    'x:y:z',
    '-a',
    'hf.co/',
    'hf.co/org',
    'hf.co',
    'huggingface.co',
    'https://example.com',
    'https://huggingface.co',
  ];
  for (const name of wrong) assert.throws(() => pullSource(name), isBadOption, name);
});

test('no text makes a path or a URL of other hosts out of a name', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.stringMatching(/^[a-z.:/@?#%-]{0,30}$/)), (text) => {
      let source: PullSource;
      try {
        source = pullSource(text);
      } catch (error) {
        return assert.ok(isBadOption(error));
      }
      if (source.kind === 'repository') assert.match(source.repository, /^[\w.-]+\/[\w.-]+$/);
      if (source.kind === 'registry') {
        assert.ok(URL.canParse(`https://${source.host}/v2/${source.model}`));
        assert.equal(new URL(`https://${source.host}/v2/${source.model}`).pathname, `/v2/${source.model}`);
      }
    }),
  );
});

test("a model that is there need not be pulled: by any name, but a registry's name without a tag is its latest", () => {
  const models = ['hf.co/org/tiny-gguf:q4_0', 'hf.co/org/two-gguf:q4_0', 'hf.co/org/two-gguf:q8_0', 'qwen3:8b'];
  const index = nameIndex(models.map((name) => ({ name, stem: name.replace(':', '-') })));
  const there = (name: string): string | undefined =>
    alreadyThere(name, (wanted, options) => lookUp(index, wanted, options))?.name;
  assert.equal(there('hf.co/org/Tiny-GGUF'), 'hf.co/org/tiny-gguf:q4_0');
  assert.equal(there('org/Tiny-GGUF:Q8_0'), undefined);
  assert.equal(there('hf.co/org/Two-GGUF'), undefined, 'the repository says which');
  assert.equal(there('qwen3:8b'), 'qwen3:8b');
  assert.equal(there('qwen3'), undefined);
  assert.equal(there('https://host/tiny-gguf:q4_0.gguf'), undefined);
});
