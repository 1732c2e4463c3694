import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import { at } from '../src/base/at.ts';
import { writeBatchModel } from './support/batch-model.ts';
import { run } from './support/cli.ts';
import { cosine } from './support/cosine.ts';
import { openTestModel } from './support/open-model.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const model = writeBatchModel(folder.file('model.gguf'));
const options = ['-m', '300M', '--threads', '1', '--kernels', 'plain', '-c', '128'];
const texts = ['a plum', 'a pear and\ta fig', 'x'];

async function expected(): Promise<readonly Float32Array[]> {
  await using opened = openTestModel(model, 2 ** 26, { context: 128 });
  return (await opened.embed(texts)).vectors;
}

const near = (vectors: readonly (readonly number[])[], wanted: readonly Float32Array[]): void => {
  assert.equal(vectors.length, wanted.length);
  for (const [i, vector] of vectors.entries())
    assert.ok(cosine(new Float32Array(vector), at(wanted, i)) > 0.99999, `text ${i}`);
};

const stdoutOf = async (args: readonly string[], input?: string): Promise<string> => {
  const { code, stdout, stderr } = await run(['embed', model, ...options, ...args], { ...(input && { input }) });
  assert.deepEqual([code, stderr], [0, '']);
  return stdout;
};

const plain = (stdout: string): number[][] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ').map(Number));

test('texts of the command line, of a file and of stdin have the embeddings that the library gives', async () => {
  const wanted = await expected();
  const file = folder.file('texts.txt');
  writeFileSync(file, `${texts.join('\r\n')}\n\n`);
  near(plain(await stdoutOf(texts)), wanted);
  near(plain(await stdoutOf(['--file', file])), wanted);
  near(plain(await stdoutOf([], texts.join('\n'))), wanted);
});

test('embeddings are printed as JSON, or as a line of JSON with each text', async () => {
  const wanted = await expected();
  const json = JSON.parse(await stdoutOf(['--json', ...texts])) as { embeddings: number[][]; tokens: number };
  near(json.embeddings, wanted);
  assert.ok(json.tokens > 0);
  const lines = (await stdoutOf(['--format', 'jsonl', '--dimensions', '8', ...texts])).trimEnd().split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as { index: number; text: string; embedding: number[] });
  assert.deepEqual(
    parsed.map(({ index, text, embedding }) => [index, text, embedding.length]),
    texts.map((text, i) => [i, text, 8]),
  );
});

test('wrong uses say what to do', async () => {
  const attempt = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await run(['embed', model, ...options, ...args]);
    assert.equal(stdout, '');
    return `${code} ${stderr}`;
  };
  assert.match(await attempt(), /^2 error: there are no texts; .*--file/);
  assert.match(await attempt('x', '--file', 'y'), /^2 error: --file .*not both/);
  assert.match(await attempt('--file', folder.file('none.txt')), /^1 error: .*none\.txt cannot be read \(ENOENT\)/);
  assert.match(await attempt('x'.repeat(3000)), /^1 error: .*CONTEXT_TOO_LONG/);
  assert.match(await attempt('x', '--dimensions', '513'), /^2 error: --dimensions 513 is not valid/);
});
