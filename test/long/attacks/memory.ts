import assert from 'node:assert/strict';
import { join } from 'node:path';
import { start } from '../../support/cli.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { type Attack, tryEach } from './attack.ts';
import { grouped, whereGrouped } from './groups.ts';
import { answered, budget, serverBound, victim, victimModel, writeVictim } from './victim.ts';

const many = (count: number, what: string): string => Array<string>(count).fill(what).join(',');
const model = `"model":"${victimModel}"`;
const message = '"messages":[{"role":"user","content":"hello"}]';

/** Templates that never end, or whose text has no end. */
const templates: Readonly<Record<string, string>> = {
  doubles:
    '{% set n = namespace(t="0123456789abcdef") %}{% for i in range(40) %}{% set n.t = n.t + n.t %}{% endfor %}{{ n.t }}',
  grows:
    '{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = n.l + n.l %}{% endfor %}{{ n.l | length }}',
  repeats: '{{ "x" * 1000000000 }}',
  writes: '{% for a in range(60000) %}{% for b in range(60000) %}0123456789abcdef{% endfor %}{% endfor %}',
  loops:
    '{% for a in range(60000) %}{% for b in range(60000) %}{% for c in range(60000) %}{% endfor %}{% endfor %}{% endfor %}',
  calls: '{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}',
};

interface Greedy {
  readonly name: string;
  readonly path: string;
  readonly body: string;
}

/** Requests that ask a server for memory: each is sent alone, then six times at once. */
const greedy: readonly Greedy[] = [
  { name: 'two million tokens to write', path: '/detokenize', body: `{${model},"tokens":[${many(2 ** 20, '90')}]}` },
  { name: 'a text of wide characters', path: '/tokenize', body: `{${model},"content":"${'海風'.repeat(500_000)}"}` },
  {
    name: 'a long prompt',
    path: '/api/generate',
    body: `{${model},"stream":false,"prompt":"${'海風'.repeat(620_000)}"}`,
  },
  {
    name: 'a long conversation',
    path: '/v1/chat/completions',
    body: `{${model},"messages":[${many(100_000, '{"role":"user","content":"plum"}')}]}`,
  },
  {
    name: 'a long conversation to cut',
    path: '/api/chat',
    body: `{${model},"stream":false,"truncate":true,"messages":[${many(50_000, '{"role":"user","content":"plum"}')}]}`,
  },
  { name: 'a long context', path: '/api/generate', body: `{${model},"prompt":"x","context":[${many(2e6, '5')}]}` },
  { name: 'many objects', path: '/api/show', body: `{${model},"y":[${many(2_700_000, '{}')}]}` },
  { name: 'many numbers', path: '/api/show', body: `{${model},"y":[${many(4_000_000, '1')}]}` },
  { name: 'many keys', path: '/api/show', body: `{${Array.from({ length: 600_000 }, (_, i) => `"${i}":1`).join()}}` },
  { name: 'a long name', path: '/api/show', body: `{"model":"${'m'.repeat(8e6)}"}` },
  {
    name: 'a long stop text',
    path: '/v1/chat/completions',
    body: `{${model},${message},"max_tokens":2,"stop":"${'s'.repeat(7e6)}"}`,
  },
  ...Object.keys(templates).map((name) => ({
    name: `a template that ${name}`,
    path: '/apply-template',
    body: `{"model":"${name}",${message}}`,
  })),
];

/** Milliseconds that a refusal, and the answers of others beside it, may take. */
const patience = 120_000;

/** Requests for more memory than there is, to a server in a control group of its budget and its bound. */
export const greedyRequests: Attack = {
  name: 'requests for memory, alone and six at once',
  count: 2 * greedy.length,
  run: (options) => whereGrouped(() => tryEach(options, tryRequest, (number) => greedy[number >> 1]?.name ?? '')),
};

function tryRequest(number: number): Promise<string> {
  const { path, body } = greedy[number >> 1] ?? assert.fail();
  return grouped(budget + serverBound, async (group) => {
    await using target = await victim({ wrapper: group.wrapper, fill: writeTemplates });
    const ask = async (): Promise<number> => {
      const signal = AbortSignal.timeout(patience);
      const response = await fetch(`${target.server.url}${path}`, { method: 'POST', body, signal });
      const text = await response.text();
      assert.ok(response.status < 500 || response.status === 503, `${response.status} ${text.slice(0, 300)}`);
      return response.status;
    };
    const asked = Array.from({ length: number % 2 ? 6 : 1 }, ask);
    await answered(target.server);
    const statuses = await Promise.all(asked);
    await target.check();
    assert.equal(group.killed(), 0, 'somebody was killed');
    return [...new Set(statuses)].sort().join(' and ');
  });
}

function writeTemplates(folder: string): void {
  for (const [name, template] of Object.entries(templates)) writeVictim(join(folder, `${name}.gguf`), template);
}

/** Commands that are asked for more memory than their budget. */
const commands: readonly (readonly [name: string, template: string | undefined, input: string | undefined])[] = [
  ...Object.entries(templates).map(([name, template]) => [`a template that ${name}`, template, undefined] as const),
  ['a prompt without an end', undefined, 'plum\n'],
  ['a prompt of one line without an end', undefined, 'plum'],
  ['a prompt of zeros without an end', undefined, '\0'],
];

/** Runs that are asked for more memory than there is, in control groups of exactly their budget. */
export const greedyRuns: Attack = {
  name: 'runs that want more memory than their budget',
  count: commands.length,
  run: (options) => whereGrouped(() => tryEach(options, tryRun, (number) => commands[number]?.[0] ?? '')),
};

async function tryRun(number: number): Promise<string> {
  const [, template, input] = commands[number] ?? assert.fail();
  using folder = tempFolder();
  const model = folder.file('model.gguf');
  writeVictim(model, template);
  return await grouped(budget, async (group) => {
    const args = ['run', model, '-m', `${budget}`, ...(input === undefined ? ['-p', 'hello'] : [])];
    const { child, ended } = start(args, { wrapper: group.wrapper, keepInput: true });
    const piece = Buffer.alloc(2 ** 20, input);
    const feed = (): void => {
      while (input !== undefined && child.stdin?.writable && child.stdin.write(piece));
    };
    child.stdin?.on('drain', feed);
    feed();
    const timer = setTimeout(() => child.kill('SIGKILL'), patience);
    const { code, stderr } = await ended;
    clearTimeout(timer);
    assert.equal(group.killed(), 0, 'it was killed for its memory');
    const [, error] = /^error: .*\[([A-Z_]+)\]\n$/m.exec(stderr) ?? [];
    assert.ok(error && code !== null, `exit code ${code}: ${stderr.slice(0, 300)}`);
    return error;
  });
}
