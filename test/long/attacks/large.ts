import assert from 'node:assert/strict';
import type { Attack, AttackOptions, Toll } from './attack.ts';
import { grouped, whereGrouped } from './groups.ts';
import { answered, budget, serverBound, tryOnVictim, type Victim, victim, victimModel } from './victim.ts';

/** A request that asks for much memory with little. */
interface Large {
  readonly name: string;
  readonly path: string;
  body(): string;
}

const json = (name: string, path: string, rest: () => object): Large => ({
  name,
  path,
  body: () => JSON.stringify({ model: victimModel, stream: false, ...rest() }),
});
const few = { options: { num_predict: 1 }, max_tokens: 1 };
const user = (content: string): object => ({ role: 'user', content });

const requests: readonly Large[] = [
  json('millions of empty objects', '/api/show', () => ({ y: Array(2_700_000).fill({}) })),
  json('a million tokens to write', '/detokenize', () => ({ tokens: Array(2 ** 20 - 2 ** 10).fill(260) })),
  json('a million characters to read', '/tokenize', () => ({ content: '海風'.repeat(2 ** 19) })),
  json('a prompt that is too long', '/api/generate', () => ({ ...few, prompt: '海風'.repeat(310_000) })),
  json('a prompt of 8 MB in two bytes a character', '/api/generate', () => ({
    ...few,
    prompt: `海${'plum '.repeat(1_600_000)}`,
  })),
  json('a text of 8 MB that may be cut', '/api/generate', () => ({
    ...few,
    truncate: true,
    raw: true,
    prompt: 'plum '.repeat(1_600_000),
  })),
  json('a message of 8 MB', '/v1/chat/completions', () => ({ ...few, messages: [user('plum '.repeat(1_600_000))] })),
  json('tens of thousands of messages', '/api/chat', () => ({ ...few, messages: Array(20_000).fill(user('x')) })),
  json('a hundred thousand wrong messages', '/v1/chat/completions', () => ({ messages: Array(100_000).fill(1) })),
  json('a prompt of a million tokens', '/v1/completions', () => ({ ...few, prompt: Array(1_040_000).fill(260) })),
  json('a prompt of numbers that are no tokens', '/v1/completions', () => ({
    prompt: Array.from({ length: 420_000 }, (_, i) => i + 0.125),
  })),
  json('tokens of a million of a context', '/api/generate', () => ({
    ...few,
    prompt: 'hello',
    context: Array(1_040_000).fill(260),
  })),
  json('biases for a hundred thousand names', '/v1/chat/completions', () => ({
    messages: [user('hello')],
    logit_bias: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, 1])),
  })),
  json('a million stop texts', '/v1/completions', () => ({ prompt: 'hello', stop: Array(2 ** 17).fill('s') })),
  json('a prompt for each of 128 answers, repeated', '/v1/completions', () => ({
    ...few,
    n: 8,
    echo: true,
    prompt: Array(16).fill('hello world '.repeat(20)),
  })),
  json('prompts of their own for 16 times eight answers', '/v1/completions', () => ({
    ...few,
    n: 8,
    prompt: Array.from({ length: 16 }, (_, i) => `hello ${'world '.repeat(10 + 3 * i)}${i}`),
  })),
  json('log-probabilities of whole answers', '/v1/chat/completions', () => ({
    messages: [user('hello')],
    n: 8,
    max_tokens: 100,
    logprobs: true,
    top_logprobs: 20,
  })),
];

/** Requests of each kind at once, beside a well-formed one. */
const atOnce = 6;

const kindOf = (number: number): Large => requests[number % requests.length] ?? assert.fail();

const inGroup = (options: AttackOptions): Promise<Toll> =>
  whereGrouped(() =>
    grouped(budget + serverBound, (group) =>
      tryOnVictim(
        options,
        async (target, number) => {
          const { path, body } = kindOf(number);
          const text = body();
          const sent = Array.from({ length: atOnce }, () => statusOf(target, path, text));
          const [statuses] = await Promise.all([Promise.all(sent), answered(target.server)]);
          assert.equal(group.killed(), 0, 'a process was killed');
          return [...new Set(statuses)].sort().join(' and ');
        },
        (number) => kindOf(number).name,
        () => victim({ wrapper: group.wrapper }),
      ),
    ),
  );

/**
 * Large requests, six of a kind at once and kind after kind, to one server in a control group of its budget and its
 * bound.
 */
export const large: Attack = {
  name: 'large requests in turn to one server, six at once',
  count: 2 * requests.length,
  run: inGroup,
};

/** The status of an answer, or of a refusal that has a code or a message. */
async function statusOf({ server }: Victim, path: string, body: string): Promise<number> {
  const response = await fetch(`${server.url}${path}`, { method: 'POST', body });
  const text = await response.text();
  assert.ok([200, 400, 413, 503].includes(response.status), `${response.status} ${text.slice(0, 200)}`);
  if (response.status !== 200) assert.ok('error' in (JSON.parse(text) as object), text.slice(0, 200));
  return response.status;
}
