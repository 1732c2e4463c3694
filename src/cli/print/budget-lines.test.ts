import assert from 'node:assert/strict';
import test from 'node:test';
import type { Expectation } from '../forecast.ts';
import { shorterPrompts } from './budget-lines.ts';

const MiB = 2 ** 20;
const expected = (budget: number, prompt: number | undefined): Pick<Expectation, 'plan' | 'speed'> =>
  ({
    plan: { budget: budget * MiB },
    speed: prompt === undefined ? null : { first_token_prompt: prompt },
  }) as Pick<Expectation, 'plan' | 'speed'>;

test('first tokens behind prompts of several lengths are told with these', () => {
  assert.equal(
    shorterPrompts([expected(142, 255), expected(150, 383), expected(192, 512), expected(384, 512)]),
    'first token: of an answer to 512 tokens, or as many as the context holds (255 with 142 MiB, 383 with 150 MiB)',
  );
  assert.equal(shorterPrompts([expected(142, 512), expected(192, 512)]), undefined);
  assert.equal(shorterPrompts([expected(142, undefined)]), undefined, 'of cards nothing is known');
  assert.equal(shorterPrompts([]), undefined);
});
