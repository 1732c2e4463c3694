import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { type TempFolder, tempFolder } from '../../support/temp-folder.ts';
import type { Attack, AttackOptions, Toll } from './attack.ts';
import { tryOnVictim, type Victim, type VictimOptions, victim, victimModel, writeVictim } from './victim.ts';

/** A request of a stranger, and the status that it should get. */
export interface Probe {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly wanted: readonly number[];
}

const show = { path: '/api/show', method: 'POST' } as const;
const body = { model: victimModel };

/** Names of models that lead elsewhere, or that only look like one. OUTSIDE is a model outside of the folder. */
const names = [
  '/etc/passwd',
  '../../../../etc/passwd',
  '..',
  '.',
  './victim.gguf/../victim',
  'sub/../victim',
  'file:///etc/passwd',
  '\\\\server\\share\\x',
  'C:\\Windows\\win.ini',
  'OUTSIDE',
  'victim\0',
  'victim\0.gguf',
  'victim\n',
  ' victim',
  'victim ',
  'vi\u0441tim',
  'v\u0456ctim',
  '\uff56\uff49\uff43\uff54\uff49\uff4d',
  'victim\u200b',
  '\u202emitciv',
  'victim:other',
  '.hidden',
  'victim*',
  'vict?m',
  '%76ictim',
  '$HOME',
  'x'.repeat(100_000),
  '__proto__',
  'toString',
] as const;

const nameProbes: readonly Probe[] = names.flatMap((name) => [
  { name: `show ${JSON.stringify(name.slice(0, 40))}`, ...show, body: { model: name }, wanted: [400, 404] },
  {
    name: `delete ${JSON.stringify(name.slice(0, 40))}`,
    path: '/api/delete',
    method: 'DELETE',
    body: { model: name },
    wanted: [400, 404],
  },
]);

const removals: readonly Probe[] = ['linked', 'kept'].map((model) => ({
  name: `delete ${model}, whose file lies elsewhere`,
  path: '/api/delete',
  method: 'DELETE',
  body: { model },
  wanted: [400],
}));

const hosts: readonly (readonly [host: string, allowed: boolean])[] = [
  ['localhost', true],
  ['localhost:1234', true],
  ['LOCALHOST', true],
  ['127.0.0.1', true],
  ['127.1.2.3:80', true],
  ['[::1]:80', true],
  ['192.168.1.5', true],
  ['printer.local', true],
  ['evil.example', false],
  ['evil.example:80', false],
  ['localhost.evil.example', false],
  ['127.0.0.1.evil.example', false],
  ['127.0.0.1.nip.io', false],
  ['evil-localhost', false],
  ['localhost@evil.example', false],
  ['evil.example#localhost', false],
  ['evil.example/.localhost', false],
  ['8.8.8.8', false],
  ['[2001:db8::1]', false],
  ['127.0.0.1:80:evil.example', false],
  ['xn--lcalhost-fmb', false],
  ['172.32.0.1', false],
];

const hostProbes = hosts.map(([host, allowed]) => ({
  name: `Host ${host}`,
  path: '/api/tags',
  headers: { host },
  wanted: allowed ? [200] : [403, 400],
}));

const origins: readonly (readonly [origin: string, allowed: boolean])[] = [
  ['http://localhost', true],
  ['http://localhost:3000', true],
  ['https://127.0.0.1:8443', true],
  ['app://obsidian.md', true],
  ['http://evil.example', false],
  ['https://localhost.evil.example', false],
  ['http://localhost:80.evil.example', false],
  ['http://localhost@evil.example', false],
  ['http://evil.example/http://localhost', false],
  ['http://evil.example?x=http://localhost', false],
  ['http://127.0.0.1.nip.io', false],
  ['https://evillocalhost', false],
  ['null', false],
  ['*', false],
  ['', false],
  ['http://[::ffff:8.8.8.8]', false],
  ['javascript://localhost', false],
  ['http://local\u0131host'.replace('\u0131', 'I '), false],
];

const originProbes = origins.flatMap(([origin, allowed]) => [
  { name: `origin ${origin}`, path: '/api/tags', headers: { origin }, wanted: allowed ? [200] : [403] },
  {
    name: `preflight of ${origin}`,
    method: 'OPTIONS',
    path: '/api/chat',
    headers: { origin, 'access-control-request-method': 'POST' },
    wanted: allowed ? [204] : [403],
  },
]);

/** Methods that a path does not have. */
const methodProbes = ['PUT', 'PATCH', 'DELETE', 'PROPFIND', 'OPTIONS', 'GET'].map((method) => ({
  name: `${method} /api/show`,
  method,
  path: '/api/show',
  wanted: [204, 400, 404, 405],
}));

const key = 'correct-horse';
const authorizations: readonly (readonly [headers: Readonly<Record<string, string>>, allowed: boolean])[] = [
  [{ authorization: `Bearer ${key}` }, true],
  [{ authorization: `bearer  ${key}` }, true],
  [{ 'x-api-key': key }, true],
  [{}, false],
  [{ authorization: 'Bearer' }, false],
  [{ authorization: 'Bearer ' }, false],
  [{ authorization: 'Bearer correct-hors' }, false],
  [{ authorization: 'Bearer correct-horsee' }, false],
  [{ authorization: 'Bearer CORRECT-HORSE' }, false],
  [{ authorization: `Basic ${key}` }, false],
  [{ authorization: key }, false],
  [{ authorization: `Bearer ${'x'.repeat(10_000)}` }, false],
  [{ authorization: 'Bearer undefined' }, false],
  [{ authorization: 'Bearer null' }, false],
  [{ cookie: `key=${key}` }, false],
  [{ 'x-api-key': 'wrong' }, false],
  [{ 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1' }, false],
  [{ 'x-original-url': '/health', 'x-rewrite-url': '/health' }, false],
];

const keyProbes: readonly Probe[] = [
  ...authorizations.flatMap(([headers, allowed]) => [
    {
      name: `show with ${JSON.stringify(headers).slice(0, 60)}`,
      ...show,
      body,
      headers,
      wanted: [allowed ? 200 : 401],
    },
    {
      name: `tags with ${JSON.stringify(headers).slice(0, 60)}`,
      path: '/api/tags',
      headers,
      wanted: [allowed ? 200 : 401],
    },
  ]),
  ...[
    '/metrics',
    '/v1/models',
    '/api/ps',
    '/health/../api/tags',
    '//api/tags',
    '/API/TAGS',
    '/api/tags?key=correct-horse',
  ].map((path) => ({ name: `${path} without a key`, path, wanted: [401, 404] })),
  { name: '/health without a key', path: '/health', wanted: [200] },
];

const openProbes = [...nameProbes, ...removals, ...hostProbes, ...originProbes, ...methodProbes];

export const probes: Attack = {
  name: 'names, hosts, origins, methods',
  count: openProbes.length,
  async run(options) {
    using elsewhere = tempFolder();
    return await tryProbes(openProbes, options, elsewhere, () => exposed(elsewhere));
  },
};

export const keys: Attack = {
  name: 'keys',
  count: keyProbes.length,
  async run(options) {
    using elsewhere = tempFolder();
    return await tryProbes(keyProbes, options, elsewhere, () => exposed(elsewhere, { key }));
  },
};

/** A server with models in its folder that are links to others elsewhere, and one that is hidden. */
async function exposed(elsewhere: TempFolder, options: Pick<VictimOptions, 'key'> = {}): Promise<Victim> {
  mkdirSync(elsewhere.file('folder'), { recursive: true });
  writeVictim(elsewhere.file('outside.gguf'));
  writeVictim(elsewhere.file('folder/kept.gguf'));
  return await victim({
    ...options,
    fill(folder) {
      symlinkSync(elsewhere.file('outside.gguf'), join(folder, 'linked.gguf'));
      symlinkSync(elsewhere.file('folder'), join(folder, 'shelf'));
      symlinkSync('/etc/passwd', join(folder, 'passwd.gguf'));
      writeFileSync(join(folder, '.hidden.gguf'), '');
    },
  });
}

function tryProbes(
  all: readonly Probe[],
  options: AttackOptions,
  elsewhere: TempFolder,
  start: () => Promise<Victim>,
): Promise<Toll> {
  const probe = (number: number): Probe => all[number % all.length] ?? assert.fail();
  const lasting = ['outside.gguf', 'folder/kept.gguf'].map((name) => elsewhere.file(name));
  return tryOnVictim(
    options,
    async ({ server, folder }, number) => {
      const { wanted } = probe(number);
      const { status, text } = await sendProbe(server.port, probe(number), elsewhere.file('outside.gguf'));
      assert.ok(wanted.includes(status), `${status} instead of ${wanted}: ${text.slice(0, 200)}`);
      assert.doesNotMatch(text, /root:|node_modules|\n\s+at /, 'it tells what it should not');
      assert.ok(text.length < 20_000, `${text.length} characters`);
      for (const path of [...lasting, join(folder, `${victimModel}.gguf`)])
        assert.ok(existsSync(path), `${path} is gone`);
      return `${status}`;
    },
    (number) => probe(number).name,
    start,
  );
}

/** Sends a probe through Node's own client: fetch would correct its faults. */
function sendProbe(
  port: string,
  { method = 'GET', path = '/', headers = {}, body }: Probe,
  outside: string,
): Promise<{ status: number; text: string }> {
  const sent = body ? JSON.stringify(body).replace('OUTSIDE', outside) : '';
  const all = body ? { ...headers, 'content-length': `${Buffer.byteLength(sent)}` } : headers;
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, method, path, headers: all, agent: false, timeout: 60_000 },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    asked.on('error', reject);
    asked.end(sent);
  });
}
