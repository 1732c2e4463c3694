import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { EngineError } from '../../../src/base/errors.ts';
import type { Model } from '../../../src/model/model.ts';
import { readSession } from '../../../src/model/session-files.ts';
import { ask, openBatchModel, promptOf, writeBatchModel } from '../../support/batch-model.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { type Attack, Dice } from './attack.ts';
import { type Cases, tryInChildren } from './cases.ts';
import { mutateBytes } from './header-mutations.ts';

/** Files of sessions: damaged ones, and ones with a checksum that is right and a header that is not. */
export const sessions: Attack = {
  name: 'session files',
  count: 3000,
  run: (options) => tryInChildren('sessions', options),
};

/** A session of 600 KB cannot honestly take more. */
const allowance = 192 * 2 ** 20;
const asked = promptOf(2, 150);
const maxTokens = 2;

/** A session's file: bytes that name its kind, the length and the checksum of a header, the header as JSON, the rest. */
interface Parts {
  readonly magic: Buffer;
  readonly header: Buffer;
  readonly rest: Buffer;
}

function partsOf(file: Buffer): Parts {
  const at = file.indexOf('\n') + 1;
  const end = at + 8 + file.readUInt32LE(at);
  return { magic: file.subarray(0, at), header: file.subarray(at + 8, end), rest: file.subarray(end) };
}

/** With a length and a checksum that are right. */
function joined({ magic, header, rest }: Parts): Buffer {
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32LE(header.length);
  numbers.writeUInt32LE(crc32(header), 4);
  return Buffer.concat([magic, numbers, header, rest]);
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Raw JSON, since some of it is more than JavaScript holds. */
const values: readonly Json[] = [
  null,
  true,
  -1,
  0,
  0.5,
  1e9,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e300,
  '',
  'f16',
  'q4_0',
  'x'.repeat(1000),
  [],
  [[]],
  [0],
  [-1, 0.5, 1e9],
  Array<number>(1000).fill(1),
  {},
  { length: 3 },
];

/** A value somewhere in another one, changed: replaced, left out, repeated, given a field that it had not. */
function mutateJson(value: Json, dice: Dice): Json {
  const isTree = typeof value === 'object' && value !== null;
  if (!isTree || dice.below(4) === 0)
    return typeof value === 'number' && dice.below(2) ? near(value, dice) : dice.pick(values);
  if (Array.isArray(value)) {
    if (value.length === 0) return dice.pick(values);
    const at = dice.below(value.length);
    const way = dice.below(4);
    if (way === 0) return value.toSpliced(at, 1 + dice.below(3));
    if (way === 1) return value.toSpliced(at, 0, value[at] ?? null);
    return value.with(at, mutateJson(value[at] ?? null, dice));
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return dice.pick(values);
  const at = dice.below(entries.length);
  const [key = '', inner = null] = entries[at] ?? [];
  const way = dice.below(5);
  if (way === 0) return Object.fromEntries(entries.toSpliced(at, 1));
  if (way === 1)
    return Object.fromEntries([...entries, [dice.pick(['__proto__', 'toString', 'windows', '']), dice.pick(values)]]);
  return Object.fromEntries(entries.with(at, [key, mutateJson(inner, dice)]));
}

const near = (value: number, dice: Dice): number => dice.pick([value + 1, value - 1, -value, value * 2, value / 2]);

/** A session's file, damaged in one of several ways. */
function damaged(file: Buffer, dice: Dice): Buffer {
  const parts = partsOf(file);
  const way = dice.below(8);
  if (way === 0) return mutateBytes(file, dice);
  if (way === 1) return file.subarray(0, dice.below(file.length));
  if (way === 2) return joined({ ...parts, header: mutateBytes(parts.header, dice) });
  if (way === 3) return joined({ ...parts, rest: mutateBytes(parts.rest, dice) });
  if (way === 4) return joined({ ...parts, header: Buffer.from(`${'['.repeat(200_000)}`) });
  let header = JSON.parse(parts.header.toString()) as Json;
  for (let times = 1 + dice.below(3); times > 0; times -= 1) header = mutateJson(header, dice);
  return joined({ ...parts, header: Buffer.from(JSON.stringify(header)) });
}

/** Goes on with a session's file. Resolves to what came of it. */
async function goOn(model: Model, path: string): Promise<'restored' | 'computed anew' | EngineError> {
  try {
    const kept = await readSession(path);
    const restored = kept && (await model.restoreSession(kept));
    return restored ? 'restored' : 'computed anew';
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
}

export async function openCases(seed: string): Promise<Cases> {
  const folder = tempFolder(existsSync('/dev/shm') ? '/dev/shm' : undefined);
  const path = folder.file('session.kv');
  const modelPath = folder.file('model.gguf');
  writeBatchModel(modelPath);
  const model = openBatchModel(modelPath, { parallel: 1 });
  const expected = await ask(model, asked, { maxTokens });
  const about = { messages: [{ role: 'user', content: 'Hello' }] };
  await model.saveSession(path, about);
  const whole = readFileSync(path);
  return {
    memory: allowance,
    async attempt(number) {
      writeFileSync(path, damaged(whole, new Dice(`${seed} ${number}`)));
      await model.forget();
      const outcome = await goOn(model, path);
      if (outcome instanceof EngineError) return outcome.code;
      const { tokens, cached } = await ask(model, asked, { maxTokens });
      if (outcome === 'restored') return cached > 0 ? outcome : 'restored, of another text';
      if (cached > 0 || `${tokens}` !== `${expected.tokens}`) throw new Error('something of it was left behind');
      return outcome;
    },
    [Symbol.dispose]() {
      folder[Symbol.dispose]();
    },
  };
}
