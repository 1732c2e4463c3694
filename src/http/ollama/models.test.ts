import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, FakeLog, servedModel } from '../../../test/support/fake-backend.ts';
import { EngineError } from '../../base/errors.ts';
import { parseModelfile } from '../../library/modelfile.ts';
import { ollamaRoutes } from './routes.ts';

const model = servedModel();
const details = {
  parent_model: '',
  format: 'gguf',
  family: 'llama',
  families: ['llama'],
  parameter_size: '135M',
  quantization_level: 'Q4_1',
};
const digest = '0a'.repeat(32);

const request = (backend: FakeBackend, path: string, init?: RequestInit): Response | Promise<Response> =>
  ollamaRoutes(backend, new FakeLog()).request(path, init);

const send = (method: string, body: unknown): RequestInit => ({ method, body: JSON.stringify(body) });

const show = async (backend: FakeBackend, body: unknown): Promise<Record<string, unknown>> => {
  const response = await request(backend, '/api/show', send('POST', body));
  assert.equal(response.status, 200);
  return (await response.json()) as Record<string, unknown>;
};

test('the models are listed as Ollama lists them', async () => {
  const response = await request(new FakeBackend(), '/api/tags');
  const { name, size } = model;
  assert.deepEqual(await response.json(), {
    models: [
      {
        name,
        model: name,
        modified_at: '2024-10-04T00:00:00.000Z',
        size,
        digest,
        details,
        capabilities: ['completion'],
      },
    ],
  });
});

test('the running models say when they expire, and those that never do name a far date', async () => {
  const backend = new FakeBackend();
  backend.running.push(
    { model, expires: new Date(Date.UTC(2030, 0)), memory: 5e8, gpuMemory: 3e8, context: 4096, parallel: 4, active: 0 },
    { model, expires: undefined, memory: 5e8, gpuMemory: 0, context: 4096, parallel: 4, active: 0 },
  );
  const { models } = (await (await request(backend, '/api/ps')).json()) as { models: Record<string, unknown>[] };
  assert.deepEqual(models[0], {
    name: model.name,
    model: model.name,
    size: 5e8,
    digest,
    details,
    expires_at: '2030-01-01T00:00:00.000Z',
    size_vram: 3e8,
    context_length: 4096,
  });
  assert.ok(Date.parse(String(models[1]?.['expires_at'])) > Date.UTC(2200, 0));
});

test('nothing runs at first', async () => {
  assert.deepEqual(await (await request(new FakeBackend(), '/api/ps')).json(), { models: [] });
});

test('a model that can think, call tools, or fill in says so', async () => {
  const backend = new FakeBackend(servedModel({ thinks: true, callsTools: true, infills: true }));
  const { capabilities } = await show(backend, { model: 'tiny:q4_1' });
  assert.deepEqual(capabilities, ['completion', 'tools', 'thinking', 'insert']);
  const { models } = (await (await request(backend, '/api/tags')).json()) as { models: { capabilities: unknown }[] };
  assert.deepEqual(models[0]?.capabilities, capabilities);
});

test('a model is shown with all that clients look at', async () => {
  const shown = await show(new FakeBackend(), { model: 'tiny:q4_1', verbose: false });
  assert.deepEqual(shown, {
    license: 'apache-2.0',
    modelfile: '# Modelfile of tiny:q4_1\n\nFROM tiny:q4_1\n',
    parameters: '',
    template: model.template,
    system: '',
    messages: [],
    details,
    model_info: { 'general.architecture': 'llama', 'llama.context_length': 2048, 'tokenizer.ggml.tokens': null },
    capabilities: ['completion'],
    modified_at: '2024-10-04T00:00:00.000Z',
  });
});

test('what comes with a model is shown as it can be given to another', async () => {
  const preset = {
    template: '{{ .Prompt }}',
    system: 'Be short.',
    parameters: { temperature: 0.5, stop: ['a', 'b c'] },
    messages: [{ role: 'user', content: 'Hi' }],
    license: 'MIT',
  };
  const shown = await show(new FakeBackend(servedModel({ preset, template: preset.template })), { model: 'tiny:q4_1' });
  const lines = [
    ['temperature', '0.5'],
    ['stop', '"a"'],
    ['stop', '"b c"'],
  ] as const;
  assert.equal(shown['parameters'], lines.map(([name, value]) => `${name.padEnd(30)} ${value}`).join('\n'));
  assert.deepEqual([shown['template'], shown['system'], shown['license']], ['{{ .Prompt }}', 'Be short.', 'MIT']);
  const { from, unused, adapters, licenses, ...again } = parseModelfile(String(shown['modelfile']));
  assert.deepEqual([from, { ...again, license: licenses[0] }], ['tiny:q4_1', preset]);
});

test('old clients call the model name', async () => {
  assert.ok(await show(new FakeBackend(), { name: 'TINY:q4_1:latest' }));
});

test('the information is never null and always JSON', async () => {
  const bare = new FakeBackend(servedModel({ metadata: {}, license: '', template: '' }));
  assert.deepEqual((await show(bare, { model: 'tiny:q4_1' }))['model_info'], {
    'general.architecture': 'llama',
    'llama.context_length': 2048,
  });
  const metadata = { 'general.parameter_count': 135n, 'tokenizer.chat_template': 'long' };
  const { model_info } = await show(new FakeBackend(servedModel({ metadata })), { model: 'tiny:q4_1' });
  const { 'general.parameter_count': count, 'tokenizer.chat_template': template } = model_info as Record<
    string,
    unknown
  >;
  assert.deepEqual([count, template], [135, undefined]);
});

test('a model is deleted by its name in the body', async () => {
  for (const body of [{ model: 'tiny:q4_1' }, { name: 'tiny:q4_1' }]) {
    const backend = new FakeBackend(servedModel());
    const response = await request(backend, '/api/delete', send('DELETE', body));
    assert.equal(response.status, 200);
    assert.equal(await response.text(), '');
    assert.deepEqual(backend.calls, ['remove tiny:q4_1']);
    assert.deepEqual(backend.models(), []);
  }
});

test('a model that may not be deleted stays', async () => {
  const backend = new FakeBackend(servedModel());
  backend.failure = new EngineError('MODEL_NOT_OURS', { name: 'tiny:q4_1', file: 'tiny.gguf' });
  const response = await request(backend, '/api/delete', send('DELETE', { model: 'tiny:q4_1' }));
  assert.equal(response.status, 400);
  assert.match(((await response.json()) as { error: string }).error, /models folder/);
  assert.equal(backend.models().length, 1);
});

test('a file that cannot be deleted is a failure of the server', async () => {
  const backend = new FakeBackend(servedModel());
  backend.failure = new EngineError('UNWRITABLE', { file: 'tiny.gguf', reason: 'EACCES' });
  assert.equal((await request(backend, '/api/delete', send('DELETE', { model: 'tiny:q4_1' }))).status, 500);
});
