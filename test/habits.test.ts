import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { transformSync } from 'esbuild';
import { attemptCli } from './support/attempt-cli.ts';
import { run } from './support/cli.ts';
import { writeSmall } from './support/small-model.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
writeSmall(folder.file('pocket-F32.gguf'));
const env = { HOME: folder.path, XDG_CONFIG_HOME: folder.path, APPDATA: folder.path };

test('an older Node is told in one line', () => {
  writeFileSync(folder.file('old.cjs'), "Object.defineProperty(process.versions, 'node', { value: '18.19.0' });");
  const { status, stderr } = spawnSync(process.execPath, [
    '-r',
    folder.file('old.cjs'),
    'bin/ssd-llm.cjs',
    '--version',
  ]);
  assert.equal(status, 1);
  assert.equal(String(stderr), 'error: ssd-llm needs Node 20.19 or newer; this is Node 18.19.0\n');
});

test('the file that says so is written as Node 12 reads it', () => {
  const written = (code: string, target: string): string => transformSync(code, { target }).code;
  const code = readFileSync('bin/ssd-llm.cjs', 'utf8');
  assert.equal(written(code, 'node12.22'), written(code, 'esnext'));
  assert.notEqual(written('a ??= b?.c', 'node12.22'), written('a ??= b?.c', 'esnext'));
});

test('the settings in force are shown, with where they come from and where the file lies', async () => {
  writeFileSync(folder.file('c.toml'), 'port = 9000\n');
  const config = ['config', '--config', folder.file('c.toml')];
  const { stdout } = await run(config, {
    env: { ...env, SSD_LLM_MAX_QUEUE: '7', SSD_LLM_PROMPT_CACHE: '1.5G', SSD_LLM_API_KEY: 'plum' },
  });
  assert.match(stdout, /^.*c\.toml\n/);
  assert.match(stdout, /^port +9000 +.*c\.toml: port$/m);
  assert.match(stdout, /^max-queue +7 +SSD_LLM_MAX_QUEUE$/m);
  assert.match(stdout, /^host +127\.0\.0\.1 +default$/m);
  assert.match(stdout, /^prompt-cache +1\.5 GiB +SSD_LLM_PROMPT_CACHE$/m);
  assert.match(stdout, /^keep-alive +5m 0s +default$/m);
  assert.doesNotMatch(stdout, /plum/);
});

test('a shell completes commands, options and names of models', async (t) => {
  if (spawnSync('bash', ['-c', 'exit']).status !== 0) return t.skip('there is no bash');
  const { stdout: script } = await run(['completion', 'bash'], { env });
  const { stdout: names } = await run(['completion', 'names'], { env: { ...env, SSD_LLM_MODELS: folder.path } });
  assert.equal(names, 'pocket:f32\n');
  const completed = (...words: string[]): string[] => {
    // As bash divides them: a colon is a word of its own.
    const parts = words.flatMap((word) => word.split(/(:)/)).filter((part) => part !== '');
    const line = words.join(' ');
    const ask = `ssd-llm() { echo pocket:f32; }\nCOMP_LINE='${line}'\nCOMP_POINT=${line.length}\nCOMP_WORDS=(${parts.join(' ')})\nCOMP_CWORD=${parts.length - 1}\n_ssd_llm\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', `${script}\n${ask}`], { encoding: 'utf8' })
      .trim()
      .split('\n');
  };
  assert.deepEqual(completed('ssd-llm', 'be'), ['bench']);
  assert.deepEqual(completed('ssd-llm', 'run', '--prompt-c'), ['--prompt-cache', '--prompt-cache-dir']);
  assert.deepEqual(completed('ssd-llm', 'run', 'poc'), ['pocket:f32']);
  assert.deepEqual(completed('ssd-llm', 'run', 'pocket:f'), ['f32']);
  assert.deepEqual(completed('ssd-llm', 'run', 'pocket:'), ['f32']);
  assert.deepEqual(completed('ssd-llm', 'run', 'pocket:f32', '--kv-type', 'q'), ['q8_0', 'q4_0']);
  assert.deepEqual(completed('ssd-llm', 'bench', 'pocket:f32', '--graphs=li'), ['libllama']);
  assert.deepEqual(completed('ssd-llm', 'serve', '--draft-model', 'poc'), ['pocket:f32']);
  assert.deepEqual(completed('ssd-llm', 'serve', '--models', 'sr'), ['src']);
  assert.deepEqual(completed('ssd-llm', 'run', '-m', ''), ['']);
});

test('zsh completes them, names with colons whole', async (t) => {
  if (spawnSync('zsh', ['-fc', 'exit']).status !== 0) return t.skip('there is no zsh');
  const { stdout: script } = await run(['completion', 'zsh'], { env });
  const completed = (prefix: string, before: string = 'pocket:f32'): string =>
    execFileSync(
      'zsh',
      [
        '-fc',
        `compdef() {}; compadd() { print -l -- "$@" }; _files() {}; ssd-llm() { print pocket:f32 }\n${script}
words=(ssd-llm run '${before}' '${prefix}'); CURRENT=4; PREFIX='${prefix}'; _ssd_llm`,
      ],
      { encoding: 'utf8' },
    );
  assert.match(completed('pocket:'), /^pocket:f32$/m);
  assert.match(completed('--pro'), /^--prompt-cache$/m);
  assert.match(completed('', '--kv-type'), /^q8_0$/m);
  assert.match(completed('', '--draft-model'), /^pocket:f32$/m);
  assert.doesNotMatch(completed('', '--ctx'), /pocket|--/);
});

test('fish completes them, too', async (t) => {
  if (spawnSync('fish', ['-N', '-c', 'exit']).status !== 0) return t.skip('there is no fish');
  const { stdout: script } = await run(['completion', 'fish'], { env });
  const completed = (line: string): readonly string[] =>
    execFileSync('fish', ['-N', '-c', `function ssd-llm; echo pocket:f32; end\n${script}\ncomplete -C '${line}'`], {
      encoding: 'utf8',
    })
      .trim()
      .split(/\s+/);
  assert.deepEqual(completed('ssd-llm run --kv-type q'), ['q4_0', 'q8_0']);
  assert.deepEqual(completed('ssd-llm run -m 8G --graphs l'), ['libllama']);
  assert.ok(completed('ssd-llm serve --draft-model poc').includes('pocket:f32'));
});

test('habits from other programs are answered with what to do here', async () => {
  for (const [args, answer] of [
    [['run', 'm', 'hi', '-ngl', '99'], /-ngl: .*memory budget/],
    // Names that look alike are told only where nothing better is known.
    [['run', 'm', 'hi', '--format', 'json'], /^error: unknown option '--format'\n--format: .*--json-mode/],
    [['run', 'm', 'hi', '--temperatur', '0'], /\(Did you mean --temperature\?\)/],
    [['stop', 'm'], /unknown command 'stop'\nstop: .*keep_alive/],
    [['pocket:135m', 'hi'], /ssd-llm run pocket:135m hi/],
    [['run'], /missing required argument 'model'\nssd-llm run <model> .*"ssd-llm list"/],
    [['completion'], /ssd-llm completion <shell>; <shell>: bash, zsh or fish/],
    [['help', 'nope'], /unknown command 'nope'/],
    [['stop', 'm', '-ngl', '9'], /unknown command 'stop'/],
    [['help', 'stop'], /unknown command 'stop'\nstop: .*keep_alive/],
    [['run', '', 'hi'], /model "" is not valid; expected a model's name/],
    [['info', folder.path], /is not valid; expected a model's name.*, not a folder; "ssd-llm list --models /],
    [['run', '-m', 'pocket:135m'], /a model is named without an option/],
    [['info', folder.file('pocket-F32.gguf'), '-m', '8'], /did you mean 8G\?/],
    [['run', folder.file('pocket-F32.gguf'), 'hi', '-p', 'ho'], /--prompt ho is not valid; expected one prompt/],
  ] as const) {
    const { code, stderr } = await attemptCli(...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, answer);
  }
});
