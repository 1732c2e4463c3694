import assert from 'node:assert/strict';
import type { Attack, AttackOptions, Toll } from './attack.ts';
import { type Body, mistyped, odd } from './json-bodies.ts';
import { tryOnVictim, type Victim } from './victim.ts';

export const oddJson: Attack = {
  name: 'hostile JSON',
  count: odd.length,
  run: (options) => tryBodies(odd, options),
};

export const mistypedJson: Attack = {
  name: 'JSON of wrong types',
  count: mistyped.length,
  run: (options) => tryBodies(mistyped, options),
};

/** Milliseconds that an answer of any kind may take. */
const patience = 60_000;

function tryBodies(bodies: readonly Body[], options: AttackOptions): Promise<Toll> {
  const body = (number: number): Body => bodies[number % bodies.length] ?? assert.fail();
  return tryOnVictim(
    options,
    async (target, number) => {
      const status = await sendBody(target, body(number));
      assert.equal(({} as { polluted?: unknown }).polluted, undefined);
      return `${status}`;
    },
    (number) => body(number).name,
  );
}

/** The status of what a body gets: an answer, or a refusal that says what is wrong in JSON. */
async function sendBody({ server }: Victim, { path, body }: Body): Promise<number> {
  const response = await fetch(`${server.url}${path}`, {
    method: path === '/api/delete' ? 'DELETE' : 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(patience),
  });
  const text = await response.text();
  assert.ok(response.status < 500 || [501, 503].includes(response.status), `${response.status} ${text.slice(0, 300)}`);
  assert.doesNotMatch(text, /node_modules|\n\s+at |internal error/, 'it tells what it should not');
  if (response.status >= 400) {
    const { error } = JSON.parse(text) as { error: string | { message: string } };
    const message = typeof error === 'string' ? error : error.message;
    assert.ok(message.length > 0 && message.length < 2000, `a message of ${message.length} characters`);
    assert.doesNotMatch(message, /expected expected|expected Invalid input/, message);
  }
  return response.status;
}
