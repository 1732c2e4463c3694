import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { Command } from 'commander';
import { withOptions } from '../src/cli/options/flags.ts';
import { settingsOf } from '../src/cli/options/settings.ts';
import { optionEntries, type Settings } from '../src/cli/options/table.ts';

const read = (name: string): string => readFileSync(`packaging/${name}`, 'utf8');
const { version, files } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string; files: string[] };

/** Variables that the program reads. */
const variables = new Set(['SSD_LLM_CACHE', ...optionEntries.flatMap(([, { variables = [] }]) => variables)]);

/** The settings of a command line, as the program understands it. Throws where it does not. */
function settings([name = '', ...args]: readonly string[], environment = {}): Promise<Settings> {
  const command = withOptions(new Command(name)).exitOverride();
  command.parse(args, { from: 'user' });
  return settingsOf(command, { platform: 'linux', home: undefined, environment });
}

test('the container is made of files that there are, serves by options that there are, and is not root', async () => {
  const text = read('Dockerfile');
  const copied = [...text.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources = '']) => sources.split(' '));
  assert.ok(copied.length > 5);
  const ignored = read('Dockerfile.dockerignore').split('\n');
  for (const source of copied) assert.ok(existsSync(source) && ignored.includes(`!${source}`), source);
  const set = [...text.matchAll(/\b(SSD_LLM_\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value] as const);
  for (const [name] of set) assert.ok(variables.has(name), name);
  const [, command = ''] = /^CMD (\[.*\])$/m.exec(text) ?? [];
  const served = await settings(JSON.parse(command) as string[], Object.fromEntries(set));
  assert.deepEqual([served.models, served.host, served.port], ['/models', '0.0.0.0', 11434]);
  const lines = text.slice(text.lastIndexOf('FROM')).split('\n');
  assert.ok(lines.includes('USER node') && lines.includes(`EXPOSE ${served.port}`));
  assert.match(text, new RegExp(`^HEALTHCHECK .*http://127\\.0\\.0\\.1:${served.port}/'`, 'm'));
});

test('the service starts the server by options that there are, with settings that it takes', async () => {
  const [, start = ''] = /^ExecStart=\S+ssd-llm (.*)$/m.exec(read('ssd-llm.service')) ?? [];
  assert.match(read('ssd-llm.service'), /^DynamicUser=yes$/m);
  const [, name = ''] = /^Environment=(\w+)=/m.exec(read('ssd-llm.service')) ?? [];
  assert.ok(variables.has(name), name);
  const { host, port, memoryBudget } = await settings(
    start.replace('/etc/ssd-llm.toml', 'packaging/ssd-llm.toml').split(' '),
  );
  assert.deepEqual([host, port], ['127.0.0.1', 11434]);
  assert.ok(memoryBudget !== undefined && memoryBudget > 0);
});

test('the formula and its page name the package as it is packed, and the package has these files', () => {
  const tarball = `ssd-llm-${version}.tgz`;
  assert.ok(read('ssd-llm.rb').includes(`/v${version}/${tarball}"`));
  assert.ok(readFileSync('docs/packaging.md', 'utf8').includes(tarball));
  assert.ok(files.includes('packaging'));
});
