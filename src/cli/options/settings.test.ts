import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Command } from 'commander';
import { engineError } from '../../../test/support/engine-error.ts';
import { tempFolder } from '../../../test/support/temp-folder.ts';
import type { User } from '../environment.ts';
import { withBareOptions } from './bare-options.ts';
import { withOptions } from './flags.ts';
import { settingsOf } from './settings.ts';
import { type OptionName, optionEntries, type Settings } from './table.ts';

type Environment = User['environment'];

const usual: User = { platform: 'linux', home: '/home/me', environment: {} };

/** "memoryBudget" -> "memory-budget" */
const dashed = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The settings of a command that was given so. */
async function parsed(name: string, args: readonly string[], user: User = usual): Promise<Settings> {
  const command = withOptions(new Command(name).argument('[models...]')).exitOverride();
  command.configureOutput({ writeErr: () => {} }).parse(withBareOptions(args), { from: 'user' });
  return await settingsOf(command, user);
}

/** The settings of a server by flags, environment and the text of a configuration file. */
async function served(args: readonly string[], environment: Environment = {}, toml = ''): Promise<Settings> {
  using folder = tempFolder();
  const config = folder.file('config.toml');
  writeFileSync(config, toml);
  const settings = await parsed('serve', [`--config=${config}`, ...args], { ...usual, environment });
  return { ...settings, config: undefined };
}

const fails = (message: RegExp, ...given: Parameters<typeof served>): Promise<void> =>
  assert.rejects(() => served(...given), engineError('BAD_OPTION', message));

test('without a word from anybody, the settings are the usual ones, whatever the command', async () => {
  const settings = await served([]);
  const { host, port, maxQueue, origins, keepAlive, memoryBudget, ctx, kvType, logLevel } = settings;
  assert.deepEqual([host, port, maxQueue, origins, keepAlive], ['127.0.0.1', 11434, 512, [], 300]);
  assert.deepEqual([memoryBudget, ctx, kvType, logLevel], [undefined, undefined, 'f16', 'info']);
  for (const name of ['run', 'info', 'ps']) assert.deepEqual(await parsed(name, []), settings, name);
});

const given: Readonly<Partial<Record<OptionName, readonly [text: string, value: unknown]>>> = {
  models: ['/models', '/models'],
  host: ['0.0.0.0', '0.0.0.0'],
  port: ['8080', 8080],
  memoryBudget: ['8G', 8 * 2 ** 30],
  ctx: ['2048', 2048],
  parallel: ['4', 4],
  maxQueue: ['9', 9],
  apiKey: ['secret', 'secret'],
  origins: ['https://a.example, https://b.example', ['https://a.example', 'https://b.example']],
  keepAlive: ['1h30m', 5400],
  promptCache: ['1.5G', 1.5 * 2 ** 30],
  promptCacheDir: ['/cache', '/cache'],
  draftNgram: ['true', true],
  draftModel: ['/draft.gguf', '/draft.gguf'],
  lora: ['/a.gguf=-0.5', [{ path: '/a.gguf', scale: -0.5 }]],
  chatTemplate: ['chatml', 'chatml'],
  draftAhead: ['7', 7],
  adaptiveDraft: ['false', false],
  kvType: ['q8_0', 'q8_0'],
  kvHome: ['ssd', 'ssd'],
  kvDir: ['/kv', '/kv'],
  ropeScale: ['2.5', 2.5],
  ropeScaling: ['yarn', 'yarn'],
  ropeBase: ['1e6', 1e6],
  slidingWindow: ['1024', 1024],
  sinkTokens: ['0', 0],
  kernels: ['plain', 'plain'],
  graphs: ['libllama', 'libllama'],
  expertCache: ['2G', 2 * 2 ** 30],
  device: ['cuda', 'cuda'],
  gpuMemory: ['3G', 3 * 2 ** 30],
  threads: ['3', 3],
  logLevel: ['debug', 'debug'],
  logFormat: ['json', 'json'],
  ui: ['false', false],
  think: ['low', 'low'],
  thinkBudget: ['50', 50],
};

test('every setting can be given by a flag, by our variable, and in the file', async () => {
  const texts = Object.entries(given).map(([key, [text]]) => [key, text] as const);
  const wanted = { ...(await served([])), ...Object.fromEntries(Object.entries(given).map(([k, [, v]]) => [k, v])) };

  const flags = { draftNgram: '--draft-ngram', adaptiveDraft: '--no-adaptive-draft', ui: '--no-ui' };
  const byFlags = await served(
    texts.map(([key, text]) => flags[key as keyof typeof flags] ?? `--${dashed(key)}=${text}`),
  );
  assert.deepEqual(byFlags, wanted);

  const variable = (key: string): string =>
    key === 'parallel' ? 'SSD_LLM_NUM_PARALLEL' : `SSD_LLM_${dashed(key).replaceAll('-', '_').toUpperCase()}`;
  const environment = Object.fromEntries(texts.map(([key, text]) => [variable(key), text]));
  assert.deepEqual(await served([], environment), wanted);
  const lines = texts.map(([key, text]) => `${dashed(key)} = "${text}"`);
  assert.deepEqual(await served([], {}, lines.join('\n')), wanted);

  const configurable = optionEntries.flatMap(([key, { variables }]) => (variables ? [key] : []));
  assert.deepEqual(configurable.sort(), [...Object.keys(given), 'files'].sort(), 'and there is no other');
});

test('a command that answers once is told by flags alone, except of what it logs', async () => {
  const environment = { SSD_LLM_CTX: '5', SSD_LLM_PORT: 'none', SSD_LLM_LOG_LEVEL: 'debug' };
  const { ctx, logLevel } = await parsed('run', ['m.gguf'], { ...usual, environment });
  assert.deepEqual([ctx, logLevel], [undefined, 'debug']);
  await assert.rejects(
    () => parsed('run', [], { ...usual, environment: { SSD_LLM_LOG_LEVEL: 'loud' } }),
    /^EngineError: SSD_LLM_LOG_LEVEL "loud" is not valid; expected one of trace, debug, /,
  );
});

test('the file has numbers and lists of its own', async () => {
  const { files, port, memoryBudget, keepAlive, origins } = await served(
    [],
    {},
    'files = ["/a.gguf"]\nport = 1\nmemory-budget = 1000000\nkeep-alive = 60\norigins = ["https://a.example"]',
  );
  assert.deepEqual([files, port, memoryBudget, keepAlive, origins], [['/a.gguf'], 1, 1e6, 60, ['https://a.example']]);
});

test('flags win over the environment, our variables over those of Ollama, and those over the file', async () => {
  const queue = async (...given: Parameters<typeof served>): Promise<number> => (await served(...given)).maxQueue;
  const environment = { SSD_LLM_MAX_QUEUE: '2', OLLAMA_MAX_QUEUE: '3' };
  const file = 'max-queue = 4';
  assert.equal(await queue(['--max-queue', '1'], environment, file), 1);
  assert.equal(await queue([], environment, file), 2);
  assert.equal(await queue([], { OLLAMA_MAX_QUEUE: '3' }, file), 3);
  assert.equal(await queue([], {}, file), 4);
});

test('arguments win over the files that the configuration file names', async () => {
  assert.deepEqual((await served(['b.gguf', 'c.gguf'], {}, 'files = ["/a.gguf"]')).files, ['b.gguf', 'c.gguf']);
});

test('auto, given by whoever wins, is what nobody chose', async () => {
  const file = 'memory-budget = "1G"\nctx = 100\nparallel = 2\ndraft-ahead = 3\nthreads = 2\nrope-scale = 2';
  const names = ['memoryBudget', 'ctx', 'parallel', 'draftAhead', 'threads', 'ropeScale'] as const;
  const settings = await served(
    names.map((key) => `--${dashed(key)}=auto`),
    {},
    file,
  );
  for (const name of names) assert.equal(settings[name], undefined, name);
  assert.equal((await served([], { OLLAMA_NUM_PARALLEL: '0' })).parallel, undefined);
});

test('auto is the same as an option left out in commands that answer once, too', async () => {
  const names = ['--memory-budget', '--ctx', '-t', '--threads', '--tensor-parallel', '--draft-ahead'];
  for (const name of [...names, '--rope-scale', '--rope-scaling', '--rope-base']) {
    assert.deepEqual(await parsed('run', [name, 'auto']), await parsed('run', []), name);
  }
});

test('a prompt cache has a size, none, or one that is chosen', async () => {
  for (const command of ['run', 'serve']) {
    for (const [args, value] of [
      [[], undefined],
      [['--prompt-cache'], 'auto'],
      [['--prompt-cache', 'auto'], 'auto'],
      [['--prompt-cache', '0'], 0],
      [['--prompt-cache', '2M'], 2 ** 21],
    ] as const) {
      assert.equal((await parsed(command, args)).promptCache, value, args.join(' '));
    }
  }
});

test("Ollama's variables are honoured", async () => {
  const { host, port, keepAlive, parallel, origins } = await served([], {
    OLLAMA_HOST: '"0.0.0.0:8080"',
    OLLAMA_KEEP_ALIVE: '10m',
    OLLAMA_NUM_PARALLEL: '2',
    OLLAMA_ORIGINS: 'https://a.example,https://b.example',
  });
  assert.deepEqual([host, port, keepAlive, parallel], ['0.0.0.0', 8080, 600, 2]);
  assert.deepEqual(origins, ['https://a.example', 'https://b.example']);
});

test('a variable that is empty is not set', async () => {
  assert.equal((await served([], { SSD_LLM_MAX_QUEUE: '', OLLAMA_MAX_QUEUE: '3' })).maxQueue, 3);
  assert.equal((await served([], { SSD_LLM_API_KEY: ' ', OLLAMA_HOST: '' })).apiKey, undefined);
});

test('an answer may keep its model for seconds, for a duration, not at all, or forever', async () => {
  for (const [text, seconds] of [
    ['0', 0],
    ['90', 90],
    ['1m30s', 90],
    ['-1m', Number.POSITIVE_INFINITY],
  ] as const) {
    assert.equal((await served([], { OLLAMA_KEEP_ALIVE: text })).keepAlive, seconds);
    assert.equal((await served(['--keep-alive', text])).keepAlive, seconds);
  }
});

test('the port counts by itself before the one in the address, wherever that wins', async () => {
  const at = async (...given: Parameters<typeof served>): Promise<string> => {
    const { host, port } = await served(...given);
    return `${host} ${port}`;
  };
  assert.equal(await at(['--host=localhost:1', '--port=2']), 'localhost 2');
  assert.equal(await at(['--host=localhost:1'], { SSD_LLM_PORT: '2' }), 'localhost 1');
  assert.equal(await at(['--host=localhost'], { SSD_LLM_PORT: '2' }), 'localhost 2');
  assert.equal(await at(['--port=3'], { OLLAMA_HOST: 'http://[::1]:4' }), '::1 3');
  assert.equal(await at([], { OLLAMA_HOST: ':4' }), '0.0.0.0 4');
  assert.equal(await at([], { SSD_LLM_HOST: '10.0.0.1', OLLAMA_HOST: '10.0.0.2:4' }), '10.0.0.1 11434');
  assert.equal(await at([], { OLLAMA_HOST: 'localhost' }, 'port = 5'), 'localhost 5');
});

test('paths in the file count from its folder, and from home', async () => {
  using folder = tempFolder();
  const config = folder.file('config.toml');
  writeFileSync(
    config,
    'models = "models"\nfiles = ["a.gguf", "~/b.gguf", "/c.gguf"]\nprompt-cache-dir = "~"\ndraft-model = "d.gguf"',
  );
  const { models, files, promptCacheDir, draftModel } = await parsed('serve', ['--config', config]);
  assert.deepEqual([models, draftModel], [folder.file('models'), folder.file('d.gguf')]);
  assert.deepEqual(files, [folder.file('a.gguf'), join('/home/me', 'b.gguf'), '/c.gguf']);
  assert.equal(promptCacheDir, '/home/me');
  const byFlag = await served(['--models', 'models']);
  assert.equal(byFlag.models, 'models', 'others count from where the command was given');
});

test('a value that is not valid is told with where it came from', async () => {
  await fails(/^--port "70000" is not valid; expected a port from 0 to 65535$/, ['--port=70000']);
  await fails(/^--memory-budget "8X" is not valid; expected a size/, ['-m', '8X']);
  await fails(/^SSD_LLM_MEMORY_BUDGET "8" is not valid; .*did you mean 8G\?/, [], { SSD_LLM_MEMORY_BUDGET: '8' });
  await fails(/config\.toml: memory-budget 500 is not valid; .*did you mean 500M\?/, [], {}, 'memory-budget = 500');
  await fails(/^--prompt-cache "8" is not valid; .*0 for none \(did you mean 8G\?\)/, ['--prompt-cache=8']);
  await fails(/^SSD_LLM_CTX "many" is not valid; expected a number of tokens/, [], { SSD_LLM_CTX: 'many' });
  await fails(/^OLLAMA_KEEP_ALIVE "soon" is not valid; expected .*5m/, [], { OLLAMA_KEEP_ALIVE: 'soon' });
  await fails(/^OLLAMA_HOST "a b" is not valid; expected an address/, [], { OLLAMA_HOST: 'a b' });
  await fails(/config\.toml: keep-alive true is not valid/, [], {}, 'keep-alive = true');
  await fails(/config\.toml: parallel -1 is not valid; expected a number of sequences/, [], {}, 'parallel = -1');
  await fails(/config\.toml: files \["\/a",1\] is not valid/, [], {}, 'files = ["/a", 1]');
  await fails(/--log-level "loud" is not valid; expected one of trace, /, ['--log-level=loud']);
  await fails(/--rope-scale "0.5" is not valid; expected a number from 1 to 1024/, ['--rope-scale=0.5']);
  await fails(/SSD_LLM_ROPE_BASE "ten" is not valid; expected a number from 2 to 1e12/, [], {
    SSD_LLM_ROPE_BASE: 'ten',
  });
  await fails(/--rope-scaling "longrope" is not valid; expected none, linear or yarn/, ['--rope-scaling=longrope']);
  await fails(/--kernels "fast" is not valid; expected auto or plain/, ['--kernels=fast']);
  await fails(/--api-key "" is not valid/, ['--api-key=']);
  for (const port of ['', '-1', '1.5', '1e6', '0x10', 'http']) await fails(/--port/, [`--port=${port}`]);
});

test('a flag that is not valid is told as it was given, with what is expected', async () => {
  await assert.rejects(
    () => parsed('run', ['--tensor-parallel', '0']),
    /error: option '--tensor-parallel <n>' argument '0' is invalid\. expected a number of threads from 1 to 512\.$/,
  );
  await assert.rejects(
    () => parsed('run', ['-m', '8']),
    /'-m, --memory-budget <size>' argument '8' .* \(did you mean 8G\?\)/,
  );
});

test('a key that the file should not have is named', async () => {
  await fails(/config\.toml: memory_budget is not valid; expected memory-budget, p/, [], {}, 'memory_budget = 1');
  await fails(/config\.toml: memoryBudget is not valid/, [], {}, 'memoryBudget = "1G"');
  await fails(/config\.toml: temperature is not valid/, [], {}, 'temperature = 1');
  await fails(/config\.toml: server is not valid/, [], {}, '[server]\nport = 1');
});

test('settings that have two names take either, wherever they are given, and not two values', async () => {
  const both = async (...given: Parameters<typeof served>): Promise<unknown> => {
    const { parallel, threads } = await served(...given);
    return [parallel, threads];
  };
  assert.deepEqual(await both(['--max-batch=8', '--tensor-parallel=2']), [8, 2]);
  assert.deepEqual(await both(['--max-batch=8', '--parallel=8', '-t', '2', '--tensor-parallel=2']), [8, 2]);
  await assert.rejects(() => served(['--max-batch=3', '--parallel=8']), /--parallel' cannot be used .* '--max-batch'/);
  await assert.rejects(() => parsed('bench', ['--output', 'csv', '--json']), /--json' cannot be used .* '--output'/);
  assert.deepEqual(await both([], { SSD_LLM_MAX_BATCH: '8', SSD_LLM_TENSOR_PARALLEL: '2' }), [8, 2]);
  assert.deepEqual(await both([], {}, 'max-batch = 8\ntensor-parallel = 2'), [8, 2]);
  await fails(/--max-batch "many" is not valid/, ['--max-batch=many']);
  await fails(/SSD_LLM_TENSOR_PARALLEL "0" is not valid/, [], { SSD_LLM_TENSOR_PARALLEL: '0' });
  await fails(/max-batch 0\.5 is not valid/, [], {}, 'max-batch = 0.5');
});

test('flags without a value stand for one', async () => {
  assert.equal((await parsed('run', ['--mmap-kv'])).kvHome, 'ssd');
  assert.equal((await served(['--mmap-kv'], {}, 'kv-home = "ram"')).kvHome, 'ssd');
  assert.equal((await parsed('bench', ['--json'])).output, 'json');
  assert.equal((await parsed('run', ['--no-adaptive-draft'])).adaptiveDraft, false);
  assert.equal((await parsed('run', ['--no-adaptive-draft', '--adaptive-draft'])).adaptiveDraft, true);
  assert.equal((await served(['--adaptive-draft'], { SSD_LLM_ADAPTIVE_DRAFT: 'false' })).adaptiveDraft, true);
});

test('a text to stop at may be given more than once', async () => {
  assert.deepEqual((await parsed('run', ['--stop', 'a', '--stop', 'b'])).stop, ['a', 'b']);
});
