/** Features of a client: each is tried, and a line of JSON says what came of it. */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';

/** Address of the server, without a path. */
export const base = process.env.BASE;
export const model = 'scripted';
export const apiKey = 'secret';
export const question = 'Why is the sky blue?';
export const weather = 'What is the weather in Paris?';

export const isBlue = (text) => assert.match(text ?? '', /blue/);
export const isWarm = (text) => assert.match(text ?? '', /21/);
export const isAda = (person) => assert.deepEqual(person, { name: 'Ada', age: 36 });
export const isVector = (vector) => {
  const length = [...vector].reduce((sum, x) => sum + x * x, 0);
  assert.ok(vector.length > 3 && Math.abs(length - 1) < 1e-3);
};

export const personSchema = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer' } },
  required: ['name', 'age'],
  additionalProperties: false,
};
export const citySchema = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};

/** Tries all features. Clients print what they like: the lines go to a file of their own. */
export async function run(features) {
  for (const [feature, attempt] of Object.entries(features)) {
    let reason = null;
    try {
      await attempt();
    } catch (error) {
      reason = String(error?.stack ?? error);
    }
    appendFileSync(process.argv[2], `${JSON.stringify({ feature, reason })}\n`);
  }
  process.exit(0);
}
