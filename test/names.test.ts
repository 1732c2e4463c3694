import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { chatContext, writeChatModel } from './support/chat-model.ts';
import { type RunAnswer, run, runJson } from './support/cli.ts';
import { serve } from './support/server.ts';
import { asOllama, snapshotOf } from './support/stores.ts';
import { sharedFolder } from './support/temp-folder.ts';

/** ChatML behind a word of its own: in Go's notation, which comes with the model, and in Jinja's. */
const goTemplate =
  'plums\n{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n';

const store = sharedFolder();
const home = sharedFolder();
const file = writeChatModel(home.file('plain.gguf'));
const jinja = home.file('template.jinja');
writeFileSync(
  jinja,
  'plums\n{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n\n',
);
asOllama(store.path, ['registry.ollama.ai', 'library', 'pocket', '135m'], {
  model: readFileSync(file),
  system: 'Speak of plums.',
  template: goTemplate,
  params: '{"temperature":0,"num_predict":5,"num_ctx":1000000}',
});
const env = {
  HOME: home.path,
  XDG_CACHE_HOME: home.file('cache'),
  XDG_DATA_HOME: home.file('data'),
  OLLAMA_MODELS: store.path,
};
const frugal = ['-m', '300M', '-c', '512', '-t', '1', '--kernels', 'plain'];

test('a model of another program is listed, answers by its name with what comes with it, and stays as it is', async () => {
  const before = snapshotOf(store.path);
  const list = await run(['ls'], { env });
  assert.match(
    list.stdout,
    /^NAME +SIZE +TAKES +TOKENS\/S +WHERE\npocket:135m +[\d.]+ KiB +[\d.]+ MiB +~?[\d.]+\*? +Ollama: /,
  );
  const { stdout, stderr } = await run(['run', 'pocket:135m', 'Hi', '--json', ...frugal], { env });
  const named = JSON.parse(stdout) as RunAnswer;
  assert.equal(stderr, '');
  const byHand = ['--system', 'Speak of plums.', '--temperature', '0', '-n', '5', '--chat-template', jinja];
  const plain = await runJson(['run', file, '-p', 'Hi', ...byHand, ...frugal], { env });
  assert.deepEqual([named.prompt_tokens, named.text], [plain.prompt_tokens, plain.text]);
  assert.equal(named.stop_reason, 'length');
  const { plan } = await runJson<{ plan: { context: number } }>(['info', 'pocket', ...frugal.slice(0, 2)], { env });
  assert.equal(plan.context, chatContext, 'no more than it was trained for');
  const without = await runJson(['run', file, '-p', 'Hi', ...byHand.slice(2), ...frugal], { env });
  assert.ok(without.prompt_tokens < named.prompt_tokens);
  await using server = await serve(['pocket', ...frugal], { env });
  const body = { model: 'pocket', messages: [{ role: 'user', content: 'Hi' }], stream: false };
  const answer = await fetch(`${server.url}/api/chat`, { method: 'POST', body: JSON.stringify(body) });
  const { message, prompt_eval_count } = (await answer.json()) as {
    message: { content: string };
    prompt_eval_count: number;
  };
  assert.deepEqual([message.content, prompt_eval_count], [named.text, named.prompt_tokens]);
  assert.deepEqual(snapshotOf(store.path), before);
});

test('text from stdin comes before the prompt', async () => {
  const joined = await runJson(['run', 'pocket', 'Sort these.', ...frugal], { env, input: 'plums pears figs\n' });
  const whole = await runJson(['run', 'pocket', '-p', 'plums pears figs\n\nSort these.', ...frugal], { env });
  assert.equal(joined.prompt_tokens, whole.prompt_tokens);
});

test('a name that no model has, and a place without models, are told with the place', async () => {
  for (const [name, answer] of [
    ['plum', /no model is called plum; "ssd-llm list" shows .*, "ssd-llm pull plum" downloads .*\[MODEL_NOT_FOUND\]/],
    ['poket', /no model is called poket; did you mean pocket:135m\? .*\[MODEL_NOT_FOUND\]/],
    ['Pocket-135.gguf', /Pocket-135\.gguf does not exist; did you mean pocket:135m\? .*\[MODEL_NOT_FOUND\]/],
  ] as const) {
    const unknown = await run(['info', name], { env });
    assert.equal(unknown.code, 3);
    assert.match(unknown.stderr, answer);
  }
  for (const [folder, answer] of [
    [home.file('nowhere'), /^error: there is no folder .*nowhere; .*\[NO_MODELS\]\n$/],
    [file, /^error: .*plain\.gguf is a file, .*\[NO_MODELS\]\n$/],
  ] as const) {
    const { code, stderr } = await run(['list', '--models', folder], { env });
    assert.equal(code, 3);
    assert.match(stderr, answer);
  }
  const none = await run(['list'], { env: { ...env, OLLAMA_MODELS: home.file('none') } });
  assert.equal(none.code, 3);
  assert.match(none.stderr, /there is no model in .*none, .*\.lmstudio.*\[NO_MODELS\]/);
});

test('every command finds the models of the folder that SSD_LLM_MODELS names, however deep', async () => {
  mkdirSync(home.file('a/b/c'), { recursive: true });
  copyFileSync(file, home.file('a/b/c/Deep.gguf'));
  const { stdout } = await run(['info', 'deep', ...frugal], { env: { ...env, SSD_LLM_MODELS: home.file('a') } });
  assert.match(stdout, /architecture +llama/);
});
