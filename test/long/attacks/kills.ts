import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, until } from '../../support/processes.ts';
import { postTo } from '../../support/server.ts';
import { type Attack, Dice, tryEach } from './attack.ts';
import { answered, type Victim, victim, victimModel } from './victim.ts';

/** Engines that are killed at any moment. Clients under way are told, and the next one is answered. */
export const killedEngines: Attack = {
  name: 'killed engines',
  count: 50,
  async run(options) {
    await using target = await victim();
    return await tryEach(
      options,
      (number) => killEngine(target, new Dice(`${options.seed} ${number}`)),
      () => 'kill',
    );
  },
};

/** Servers that are killed while they answer. No engine outlives them. */
export const killedServers: Attack = {
  name: 'killed servers',
  count: 15,
  run: (options) =>
    tryEach(
      options,
      (number) => killServer(new Dice(`${options.seed} ${number}`)),
      () => 'kill',
    ),
};

const signals = ['SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGBUS'] as const;

const asked = [
  ['/api/generate', { prompt: 'hello', options: { num_predict: 300 } }],
  ['/api/generate', { prompt: 'hello', stream: false, options: { num_predict: 300 } }],
  ['/api/chat', { messages: [{ role: 'user', content: 'hello '.repeat(100) }], options: { num_predict: 300 } }],
  ['/v1/completions', { prompt: 'hello', max_tokens: 300, stream: true }],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hello' }], max_tokens: 300 }],
  ['/tokenize', { content: 'hello '.repeat(1000) }],
] as const;

/** Outcome of a request: an answer, an error with a status, or one at the end of a stream. */
async function outcomeOf({ server }: Victim, [path, more]: (typeof asked)[number]): Promise<string> {
  const response = await postTo(server, path, { model: victimModel, ...more }, { signal: AbortSignal.timeout(60_000) });
  const text = await response.text();
  if (/"error":/.test(text)) {
    assert.match(text, /ended unexpectedly|engine_died/, text.slice(-300));
    return response.status === 200 ? 'an error in a stream' : `${response.status}`;
  }
  assert.equal(response.status, 200, text);
  return 'answered';
}

async function killEngine(target: Victim, dice: Dice): Promise<string> {
  const requests = Array.from({ length: 1 + dice.below(4) }, () => outcomeOf(target, dice.pick(asked)));
  await sleep(dice.below(dice.pick([30, 200])));
  const engines = target.server.engines();
  for (const engine of engines) process.kill(engine, dice.pick(signals));
  const outcomes = await Promise.all(requests);
  // Until the server has been told that they ended, it may ask them.
  await until(() => !engines.some((engine) => existsSync(`/proc/${engine}`)));
  await target.check();
  return [...new Set(outcomes)].sort().join(' and ');
}

async function killServer(dice: Dice): Promise<string> {
  const target = await victim();
  const { server } = target;
  const cut = Promise.allSettled(Array.from({ length: dice.below(4) }, () => outcomeOf(target, dice.pick(asked))));
  // A model that is being loaded, too.
  if (dice.below(3) === 0) await postTo(server, '/api/generate', { model: victimModel, keep_alive: 0 });
  const next = answered(server).catch(() => {});
  await sleep(dice.below(150));
  const engines = server.engines();
  server.child.kill('SIGKILL');
  await Promise.all([cut, next]);
  await until(() => !engines.some(isAlive));
  await target[Symbol.asyncDispose]();
  return `${engines.length} engine`;
}
