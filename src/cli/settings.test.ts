import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { EngineError } from '../base/errors.ts';
import type { User } from './environment.ts';
import { type Flags, type Settings, settingsOf } from './settings.ts';

/** The settings by flags, environment and the text of a file. */
function settings(flags: Flags, environment: User['environment'] = {}, toml = ''): Settings {
  using folder = tempFolder();
  writeFileSync(folder.file('config.toml'), toml);
  return settingsOf(
    { config: folder.file('config.toml'), ...flags },
    { platform: 'linux', home: '/home/me', environment },
  );
}

const fails = (message: RegExp, ...given: Parameters<typeof settings>): void =>
  assert.throws(
    () => settings(...given),
    (error) => {
      assert.ok(error instanceof EngineError && error.code === 'BAD_OPTION', String(error));
      assert.match(error.message, message);
      return true;
    },
  );

test('without a word from anybody, the settings are the usual ones', () => {
  assert.deepEqual(settings({}), {
    files: [],
    host: '127.0.0.1',
    port: 11434,
    maxQueue: 512,
    origins: [],
    keepAlive: 300,
    draftNgram: false,
    adaptiveDraft: true,
    kvType: 'f16',
    kvHome: 'auto',
    kernels: 'auto',
    logLevel: 'info',
  });
});

test('every setting can be given by a flag, by our variable, and in the file', () => {
  const given = {
    models: '/models',
    host: '0.0.0.0',
    port: '8080',
    memoryBudget: '8G',
    ctx: '2048',
    parallel: '4',
    maxQueue: '9',
    apiKey: 'secret',
    origins: 'https://a.example, https://b.example',
    keepAlive: '1h30m',
    promptCache: '1.5G',
    promptCacheDir: '/cache',
    draftNgram: 'true',
    draftModel: '/draft.gguf',
    draftAhead: '7',
    adaptiveDraft: 'false',
    kvType: 'q8_0',
    kvHome: 'ssd',
    kvDir: '/kv',
    ropeScale: '2.5',
    ropeScaling: 'yarn',
    ropeBase: '1e6',
    slidingWindow: '1024',
    sinkTokens: '0',
    kernels: 'plain',
    threads: '3',
    logLevel: 'debug',
  };
  const wanted = {
    ...given,
    files: [],
    port: 8080,
    memoryBudget: 8 * 2 ** 30,
    ctx: 2048,
    parallel: 4,
    maxQueue: 9,
    origins: ['https://a.example', 'https://b.example'],
    keepAlive: 5400,
    promptCache: 1.5 * 2 ** 30,
    draftNgram: true,
    draftAhead: 7,
    adaptiveDraft: false,
    ropeScale: 2.5,
    ropeBase: 1e6,
    slidingWindow: 1024,
    sinkTokens: 0,
    threads: 3,
  };
  assert.deepEqual(settings(given), wanted);
  const snake = (key: string): string => key.replace(/[A-Z]/g, '_$&').toUpperCase();
  const name = (key: string): string => `SSD_LLM_${key === 'parallel' ? 'NUM_PARALLEL' : snake(key)}`;
  assert.deepEqual(
    settings({}, Object.fromEntries(Object.entries(given).map(([key, text]) => [name(key), text]))),
    wanted,
  );
  const dashed = (key: string): string => snake(key).toLowerCase().replaceAll('_', '-');
  const lines = Object.entries(given).map(([key, text]) => `${dashed(key)} = "${text}"`);
  assert.deepEqual(settings({}, {}, lines.join('\n')), wanted);
});

test('the file has numbers and lists of its own', () => {
  const { files, port, memoryBudget, keepAlive, origins } = settings(
    {},
    {},
    'files = ["/a.gguf"]\nport = 1\nmemory-budget = 1000000\nkeep-alive = 60\norigins = ["https://a.example"]',
  );
  assert.deepEqual([files, port, memoryBudget, keepAlive, origins], [['/a.gguf'], 1, 1e6, 60, ['https://a.example']]);
});

test('flags win over the environment, our variables over those of Ollama, and those over the file', () => {
  const environment = { SSD_LLM_MAX_QUEUE: '2', OLLAMA_MAX_QUEUE: '3' };
  const file = 'max-queue = 4';
  assert.equal(settings({ maxQueue: '1' }, environment, file).maxQueue, 1);
  assert.equal(settings({}, environment, file).maxQueue, 2);
  assert.equal(settings({}, { OLLAMA_MAX_QUEUE: '3' }, file).maxQueue, 3);
  assert.equal(settings({}, {}, file).maxQueue, 4);
});

test('auto, given by whoever wins, is what nobody chose', () => {
  const file = 'memory-budget = "1G"\nctx = 100\nparallel = 2\nprompt-cache = "1G"\nthreads = 2';
  const all = { memoryBudget: 'auto', ctx: 'auto', parallel: 'auto', promptCache: 'auto', threads: 'auto' };
  const { memoryBudget, ctx, parallel, promptCache, threads } = settings(all, {}, file);
  assert.deepEqual([memoryBudget, ctx, parallel, promptCache, threads], Array(5).fill(undefined));
  assert.equal(settings({}, { OLLAMA_NUM_PARALLEL: '0' }).parallel, undefined);
  assert.equal(settings({ promptCache: '0' }).promptCache, 0);
});

test("Ollama's variables are honoured", () => {
  const { host, port, models, keepAlive, parallel, origins } = settings(
    {},
    {
      OLLAMA_HOST: '"0.0.0.0:8080"',
      OLLAMA_MODELS: '/blobs',
      OLLAMA_KEEP_ALIVE: '10m',
      OLLAMA_NUM_PARALLEL: '2',
      OLLAMA_ORIGINS: 'https://a.example,https://b.example',
    },
  );
  assert.deepEqual([host, port, models, keepAlive, parallel], ['0.0.0.0', 8080, '/blobs', 600, 2]);
  assert.deepEqual(origins, ['https://a.example', 'https://b.example']);
});

test('a variable that is empty is not set', () => {
  assert.equal(settings({}, { SSD_LLM_MAX_QUEUE: '', OLLAMA_MAX_QUEUE: '3' }).maxQueue, 3);
  assert.equal(settings({}, { SSD_LLM_API_KEY: ' ', OLLAMA_HOST: '' }).apiKey, undefined);
});

test('an answer may keep its model for seconds, for a duration, not at all, or forever', () => {
  for (const [text, seconds] of [
    ['0', 0],
    ['90', 90],
    ['1m30s', 90],
    ['-1', Number.POSITIVE_INFINITY],
    ['-1m', Number.POSITIVE_INFINITY],
  ] as const) {
    assert.equal(settings({}, { OLLAMA_KEEP_ALIVE: text }).keepAlive, seconds);
    assert.equal(settings({ keepAlive: text }).keepAlive, seconds);
  }
});

test('the port counts by itself before the one in the address, wherever that wins', () => {
  const at = (...given: Parameters<typeof settings>): string => {
    const { host, port } = settings(...given);
    return `${host} ${port}`;
  };
  assert.equal(at({ host: 'localhost:1', port: '2' }), 'localhost 2');
  assert.equal(at({ host: 'localhost:1' }, { SSD_LLM_PORT: '2' }), 'localhost 1');
  assert.equal(at({ host: 'localhost' }, { SSD_LLM_PORT: '2' }), 'localhost 2');
  assert.equal(at({ port: '3' }, { OLLAMA_HOST: 'http://[::1]:4' }), '::1 3');
  assert.equal(at({}, { OLLAMA_HOST: ':4' }), '0.0.0.0 4');
  assert.equal(at({}, { SSD_LLM_HOST: '10.0.0.1', OLLAMA_HOST: '10.0.0.2:4' }), '10.0.0.1 11434');
  assert.equal(at({}, { OLLAMA_HOST: 'localhost' }, 'port = 5'), 'localhost 5');
});

test('paths in the file count from its folder, and from home', () => {
  using folder = tempFolder();
  const config = folder.file('config.toml');
  writeFileSync(
    config,
    'models = "models"\nfiles = ["a.gguf", "~/b.gguf", "/c.gguf"]\nprompt-cache-dir = "~"\ndraft-model = "d.gguf"',
  );
  const { models, files, promptCacheDir, draftModel } = settingsOf(
    { config },
    { platform: 'linux', home: '/home/me', environment: {} },
  );
  assert.deepEqual([models, draftModel], [folder.file('models'), folder.file('d.gguf')]);
  assert.deepEqual(files, [folder.file('a.gguf'), join('/home/me', 'b.gguf'), '/c.gguf']);
  assert.equal(promptCacheDir, '/home/me');
  assert.equal(settings({ models: 'models' }).models, 'models', 'others count from where the command was given');
});

test('a value that is not valid is told with where it came from', () => {
  fails(/^--port "70000" is not valid; expected a port from 0 to 65535$/, { port: '70000' });
  fails(/^--memory-budget "8X" is not valid; expected a size/, { memoryBudget: '8X' });
  fails(/^SSD_LLM_MEMORY_BUDGET "8" is not valid; .*did you mean 8G\?/, {}, { SSD_LLM_MEMORY_BUDGET: '8' });
  fails(/config\.toml: memory-budget 500 is not valid; .*did you mean 500M\?/, {}, {}, 'memory-budget = 500');
  fails(/^SSD_LLM_CTX "many" is not valid; expected a number of tokens/, {}, { SSD_LLM_CTX: 'many' });
  fails(/^OLLAMA_KEEP_ALIVE "soon" is not valid; expected .*5m/, {}, { OLLAMA_KEEP_ALIVE: 'soon' });
  fails(/^OLLAMA_HOST "a b" is not valid; expected an address/, {}, { OLLAMA_HOST: 'a b' });
  fails(/config\.toml: keep-alive true is not valid/, {}, {}, 'keep-alive = true');
  fails(/config\.toml: parallel -1 is not valid; expected a number of sequences/, {}, {}, 'parallel = -1');
  fails(/config\.toml: files \["\/a",1\] is not valid/, {}, {}, 'files = ["/a", 1]');
  fails(/--log-level "loud" is not valid; expected one of trace, /, { logLevel: 'loud' });
  fails(/--rope-scale "0.5" is not valid; expected a number from 1 to 1024/, { ropeScale: '0.5' });
  fails(/SSD_LLM_ROPE_BASE "ten" is not valid; expected a number from 2 to 1e12/, {}, { SSD_LLM_ROPE_BASE: 'ten' });
  fails(/--rope-scaling "longrope" is not valid; expected none, linear or yarn/, { ropeScaling: 'longrope' });
  fails(/--kernels "fast" is not valid; expected auto or plain/, { kernels: 'fast' });
  fails(/--api-key "" is not valid/, { apiKey: '' });
  for (const port of ['', '-1', '1.5', '1e3', '0x10', 'http']) fails(/--port/, { port });
});

test('whatever is not valid, what is expected is said once, and in our words', () => {
  const flags: Readonly<Record<keyof Settings, string>> = {
    files: '',
    models: ' ',
    host: ':',
    port: 'x',
    memoryBudget: 'x',
    ctx: 'x',
    parallel: 'x',
    maxQueue: 'x',
    apiKey: ' ',
    origins: ',',
    keepAlive: '1x',
    promptCache: '--port',
    promptCacheDir: ' ',
    draftNgram: 'x',
    draftModel: ' ',
    draftAhead: 'x',
    adaptiveDraft: 'x',
    kvType: 'x',
    slidingWindow: 'x',
    sinkTokens: 'x',
    kvHome: 'x',
    kvDir: ' ',
    ropeScale: 'x',
    ropeScaling: 'x',
    ropeBase: 'x',
    kernels: 'x',
    threads: 'x',
    logLevel: 'x',
  };
  for (const [key, text] of Object.entries(flags)) {
    for (const value of [text, {}]) {
      assert.throws(
        () => settings({ [key]: value }),
        ({ message }: Error) =>
          /is not valid; expected (?!expected|Invalid)/.test(message) && !/Invalid|undefined/.test(message),
        `${key} ${value}`,
      );
    }
  }
});

test('a key that the file should not have is named', () => {
  fails(/config\.toml: memory_budget is not valid; expected one of .*memory-budget/, {}, {}, 'memory_budget = "1G"');
  fails(/config\.toml: memoryBudget is not valid/, {}, {}, 'memoryBudget = "1G"');
  fails(/config\.toml: server is not valid/, {}, {}, '[server]\nport = 1');
});

test('settings that have two names take either, wherever they are given', () => {
  const wanted = { parallel: 8, threads: 2 };
  const picked = ({ parallel, threads }: Settings): object => ({ parallel, threads });
  assert.deepEqual(picked(settings({ maxBatch: '8', tensorParallel: '2' })), wanted);
  assert.deepEqual(picked(settings({}, { SSD_LLM_MAX_BATCH: '8', SSD_LLM_TENSOR_PARALLEL: '2' })), wanted);
  assert.deepEqual(picked(settings({}, {}, 'max-batch = 8\ntensor-parallel = 2')), wanted);
  fails(/--max-batch "many" is not valid/, { maxBatch: 'many' });
  fails(/SSD_LLM_TENSOR_PARALLEL "0" is not valid/, {}, { SSD_LLM_TENSOR_PARALLEL: '0' });
  fails(/max-batch 0\.5 is not valid/, {}, {}, 'max-batch = 0.5');
});

test('whatever is wrong with a setting, what is expected is said, once', () => {
  const wrong = ['nothing of the kind', '-7', ['x'], [7], { x: 1 }, -1, 0.5, 1e300, null, ''];
  const optional =
    'models memoryBudget ctx parallel promptCache promptCacheDir draftModel draftAhead slidingWindow sinkTokens kvDir ' +
    'apiKey ropeScale ropeScaling ropeBase threads';
  for (const key of [...Object.keys(settings({})), ...optional.split(' ')]) {
    for (const value of wrong) {
      try {
        settings({ [key]: value });
      } catch (error) {
        assert.ok(error instanceof EngineError, `${key}: ${error}`);
        assert.match(error.message, /is not valid; expected (?!expected|Invalid|.*received).+$/);
      }
    }
  }
});
