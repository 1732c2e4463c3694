import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { type Ended, type StartOptions, start } from './cli.ts';
import { childrenOf } from './processes.ts';
import { tempFolder } from './temp-folder.ts';

/** A server of the command line, as built, in a process of its own. Disposing of it kills it. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  readonly port: string;
  readonly child: ChildProcess;
  /** The end of the server, and then of its engines too: they share its stderr. */
  readonly ended: Promise<Ended>;
  /** The output so far. */
  said(): string;
  /** The processes of its engines; Linux only. */
  engines(): readonly number[];
}

/** Few resources, and answers that do not depend on who else is there. */
export const frugal: readonly string[] = ['--memory-budget', '400M', '--threads', '1', '--kernels', 'plain'];
export const modest: readonly string[] = [...frugal, '--ctx', '512'];

/** Starts `ssd-llm serve` on a free port, with nobody's settings, and waits until it listens. */
export async function serve(args: readonly string[], options: StartOptions = {}): Promise<Server> {
  const home = tempFolder();
  const own = { XDG_CONFIG_HOME: home.path, APPDATA: home.path, SSD_LLM_HOST: '127.0.0.1', SSD_LLM_PORT: '0' };
  const { child, ended } = start(['serve', ...args], { ...options, env: { ...own, ...options.env } });
  let said = '';
  child.stderr?.on('data', (text: string) => {
    said += text;
  });
  const over = ended.finally(() => home[Symbol.dispose]());
  // The last line of the announcement, which a backslash divides, or an entry of the log.
  while (!/try: .*(?:[^\\]|\\\n.*)\n|"ssd-llm listens on .*\n/.test(said)) {
    const end = await Promise.race([once(child.stderr ?? child, 'data').then(() => undefined), over]);
    if (end) throw new Error(`the server ended with ${end.code}: ${end.stderr}`);
  }
  const [, url = '', port = ''] = /listens on (http:\/\/\S+:(\d+))/.exec(said) ?? [];
  return {
    url,
    port,
    child,
    ended,
    said: () => said,
    engines: () => childrenOf(child.pid ?? 0),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await over;
    },
  };
}

export const postTo = (
  server: Pick<Server, 'url'>,
  path: string,
  body: object | string,
  init: RequestInit = {},
): Promise<Response> =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
  });

/** All parts of an answer. */
export async function all<T>(parts: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const part of parts) found.push(part);
  return found;
}

/** A figure of /metrics, by its name and labels as they are written there. */
export async function metric(server: Pick<Server, 'url'>, name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`, { headers: { connection: 'close' } })).text();
  const line = text.split('\n').find((line) => line.startsWith(`ssdllm_${name} `));
  return Number(line?.split(' ').at(-1) ?? Number.NaN);
}
