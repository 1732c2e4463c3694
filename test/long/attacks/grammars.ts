import assert from 'node:assert/strict';
import { join } from 'node:path';
import { formatBytes } from '../../../src/base/bytes.ts';
import { peakMemory } from '../../support/processes.ts';
import { postTo } from '../../support/server.ts';
import { type Attack, tryEach } from './attack.ts';
import { victim, victimModel, writeVictim } from './victim.ts';

const MiB = 2 ** 20;
/** Bytes that an engine may take beside what plain answers take: the grammars' own, and what compiling them leaves. */
const bound = 32 * MiB;
const atOnce = 16;

const list = <T>(length: number, of: (i: number) => T): readonly T[] => Array.from({ length }, (_, i) => of(i));
const named = (names: readonly string[], value: (name: string) => unknown): object =>
  Object.fromEntries(names.map((name) => [name, value(name)]));

/** A schema of 40 properties that are lists of one of 29 texts: nearly as large as a grammar may be. */
function listsOfEnums(number: number): object {
  const names = list(40, (i) => `property_${number}_${i}`);
  const items = (name: string): object => ({ enum: list(29, (i) => `the value ${i} of ${name}`) });
  const properties = named(names, (name) => ({ type: 'array', maxItems: 12, items: items(name) }));
  return { type: 'object', required: names, properties };
}

/** Keywords of a request, by the number of one of those that are sent at once. */
const kinds: readonly (readonly [name: string, times: number, fields: (number: number) => object])[] = [
  ['six large schemas', 6, (number) => ({ format: listsOfEnums(number) })],
  ['sixteen large schemas', 16, (number) => ({ format: listsOfEnums(number) })],
  ['a hundred large schemas', 100, (number) => ({ format: listsOfEnums(number) })],
  ['the same large schema sixteen times', 16, () => ({ format: listsOfEnums(0) })],
  [
    'texts that can be read in many ways',
    16,
    (number) => ({ grammar: `root ::= ${list(400, (i) => `("a"{1,${1000 + i + number}})`).join(' | ')}` }),
  ],
  ['thousands of values', 16, (number) => ({ format: { enum: list(5000, (i) => `${number} ${i}`) } })],
  [
    'thousands of alternatives',
    16,
    (number) => ({
      format: { anyOf: list(1000, (i) => ({ type: 'object', properties: { [`k${number}_${i}`]: true } })) },
    }),
  ],
  ['expressions with many ends', 16, (number) => ({ guided_regex: `(a|b|[a-z]{3,9}|\\d+){5,${200 + number}}` })],
  ['a grammar that is too large', 16, (number) => ({ format: { enum: list(60_000, (i) => `${number} ${i}`) } })],
];

/** Requests for answers in large forms, all at once: grammars must not take the engine beyond its bound. */
export const largeGrammars: Attack = {
  name: 'large grammars at once',
  count: kinds.length,
  run: (options) => tryEach(options, tryKind, (number) => kinds[number]?.[0] ?? ''),
};

async function tryKind(number: number): Promise<string> {
  const [, times, fields] = kinds[number] ?? assert.fail();
  const fill = (folder: string): void => writeVictim(join(folder, `${victimModel}.gguf`), undefined, 2 ** 15);
  await using target = await victim({ args: ['--parallel', `${atOnce}`], fill });
  const ask = async (own: object): Promise<number> => {
    const body = { model: victimModel, prompt: 'hello', max_tokens: 24, ...formatFields(own) };
    const response = await postTo(target.server, '/v1/completions', body);
    const text = await response.text();
    assert.ok([200, 400, 503].includes(response.status), `${response.status} ${text.slice(0, 300)}`);
    return response.status;
  };
  const peak = (): number => Math.max(...target.server.engines().map(peakMemory));
  await Promise.all(list(atOnce, () => ask({})));
  const before = peak();
  const statuses = await Promise.all(list(times, (i) => ask(fields(i))));
  const grown = peak() - before;
  assert.ok(grown <= bound, `the engine took ${formatBytes(grown)} more of ${formatBytes(bound)}`);
  await target.check();
  return [...new Set(statuses)].sort().join(' and ');
}

/** The fields of a request as vLLM names them. */
const formatFields = ({ format, grammar, ...own }: { format?: object; grammar?: string }): object => ({
  ...own,
  ...(format && { guided_json: format }),
  ...(grammar !== undefined && { guided_grammar: grammar }),
});
