import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { rejectsWith } from '../../test/support/engine-error.ts';
import { pullTrial } from '../../test/support/pull-trial.ts';
import { smallBytes } from '../../test/support/small-model.ts';

const [small] = smallBytes({ vocabulary: 200 });
const [other] = smallBytes({ vocabulary: 300 });

test('a wrong name is answered with the nearest that there are', async () => {
  await using t = await pullTrial();
  const files = { 'm-Q4_0.gguf': small, 'm-Q8_0.gguf': small, 'm-IQ2_XS.gguf': small };
  t.host.addRepository('org/Tiny-1B-GGUF', files);
  t.host.addRepository('org/Tiny-1B', { 'model.safetensors': small });
  const nearestOf = async (name: string): Promise<readonly string[]> =>
    (await rejectsWith(t.pull(name), 'REMOTE_NOT_FOUND')).details.nearest;
  assert.deepEqual(await nearestOf('org/Tiny-1B-GGUF:Q4_1'), ['Q4_0', 'Q8_0', 'IQ2_XS']);
  assert.equal((await nearestOf('hf.co/org/Tiny-1C-GGUF'))[0], 'hf.co/org/Tiny-1B-GGUF');
  assert.equal((await nearestOf('hf.co/org/Tiny-1B'))[0], 'hf.co/org/Tiny-1B-GGUF');
  t.host.addModel('library/tiny', '1b', { model: small });
  assert.deepEqual(await nearestOf(`${t.host.host}/library/tiny:2b`), [`${t.host.host}/library/tiny:1b`]);
  assert.deepEqual(await nearestOf(`${t.host.host}/library/tony`), []);
});

test('without a quantization the usual one is taken, else the first, and that is said', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/A', { 'a-BF16.gguf': small, 'a-Q4_K_M.gguf': small, 'mmproj-a-F16.gguf': small });
  t.host.addRepository('org/B', { 'b-Q5_0.gguf': small, 'b-Q8_0.gguf': small, 'imatrix.gguf': small });
  assert.equal(await t.pull('hf.co/org/A'), 'hf.co/org/a:q4_k_m');
  assert.equal(await t.pull('hf.co/org/B'), 'hf.co/org/b:q5_0');
  const notes = t.events.flatMap((event) => (event.kind === 'note' ? [event.text] : []));
  assert.match(notes[0] ?? '', /Q4_K_M.*usual.*BF16/);
  assert.match(notes[1] ?? '', /Q5_0.*first.*Q8_0/);
});

test('a URL whose file has no sum is downloaded once, by two at once too, until it is another file', async () => {
  await using t = await pullTrial();
  t.host.faults.sums = false;
  t.host.addRepository('org/repo', { 'a-Q4_0.gguf': small });
  const url = `${t.host.url}/org/repo/resolve/main/a-Q4_0.gguf`;
  const [name, same] = await Promise.all([t.pull(url), t.pull(url)]);
  assert.equal(same, name);
  const ranges = t.host.downloads.map(({ range }) => range);
  assert.deepEqual(new Set(ranges).size, ranges.length - 1);

  const layers = t.store.read(name);
  assert.equal(await t.pull(url), name);
  assert.deepEqual([t.host.downloads.length, t.store.read(name)], [ranges.length + 1, layers]);

  t.host.addRepository('org/repo', { 'a-Q4_0.gguf': other });
  assert.equal(await t.pull(url), name);
  assert.notDeepEqual(t.store.read(name), layers);
});

test('a GGUF file is pulled from its URL, also where nobody says its sum, and called after it', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/repo', { 'Some Model-Q4_0.gguf': small });
  const hex = createHash('sha256').update(small).digest('hex');
  const name = await t.pull(`${t.host.url}/org/repo/resolve/main/Some%20Model-Q4_0.gguf`);
  assert.equal(name, 'some-model:q4_0');
  assert.deepEqual(
    t.store.read(name)?.map(({ digest }) => digest),
    [`sha256:${hex}`],
  );
});
