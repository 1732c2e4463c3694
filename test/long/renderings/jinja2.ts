import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Variables } from './conversations.ts';

/** The result of a rendering. */
export type Rendering = { readonly output: string } | { readonly error: string };

export interface Request {
  readonly template: string;
  readonly variables: Variables;
}

/** The date that `strftime_now` has in both engines. */
export const now: Date = new Date('2025-03-04T00:05:09');

/** The program that is missing to ask Python's Jinja2; undefined if nothing is. */
export function missingPython(): string | undefined {
  const { error, status } = spawnSync('python3', ['-c', 'import jinja2']);
  if (error) return 'python3';
  return status === 0 ? undefined : "python3's jinja2 (pip install jinja2)";
}

/** Renderings of each request by Python's Jinja2, in their order. */
export async function* askJinja2(requests: readonly Request[]): AsyncGenerator<Rendering> {
  const child = spawn('python3', ['test/long/renderings/oracle.py'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const closed = once(child, 'close');
  const writing = (async () => {
    for (const request of requests) {
      if (!child.stdin.write(`${JSON.stringify(request)}\n`)) await once(child.stdin, 'drain');
    }
    child.stdin.end();
  })();
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line) as Rendering;
  await Promise.all([writing, closed]);
}
