import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { Random } from '../../bench/random.ts';
import { EngineError } from '../../src/base/errors.ts';
import { Session } from '../../src/cli/session.ts';
import { readSession, restoreSession, saveSession } from '../../src/engine/session.ts';
import { Slots } from '../../src/engine/slots.ts';
import type { KvSlot } from '../../src/kv/slot.ts';
import { assertHolds, filled, smallShape, textOf } from './slots.ts';
import { tempFolder } from './temp-folder.ts';

const shape = smallShape(128);
const vocabulary = 5000;
const tokens = textOf(1, 100);
const identity = 'a model';
const about = { messages: [{ role: 'user', content: 'Name a tree, "please".' }] };

/** The magic, and the length and the checksum of the header. */
const magicBytes = 26;
const preludeBytes = magicBytes + 8;

/** Values that fields of a header never have, or seldom. */
const oddities: readonly unknown[] = [
  ...[null, true, '', 'f16', -1, 0, 1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, -1e308],
  ...[[], {}, [null], [[]], [[1]], [[-1, -1]], [1e9], Array(1000).fill(7), { messages: [] }, { text: 7 }],
  ...[
    { messages: [{ role: 'nobody', content: 'x' }] },
    { messages: [{ role: 'user' }] },
    { __proto__: null, toString: 1 },
  ],
];

/** What came of mutated session files. */
export interface Attacked {
  /** Those that were refused, restored, and computed again. */
  readonly refused: number;
  readonly restored: number;
  readonly again: number;
  /** A line for each that ended in another way. */
  readonly failed: readonly string[];
}

/** Opens and restores `count` mutants of a session file. Each is refused by name, or done without. */
export async function attackSessions(count: number, seed: string): Promise<Attacked> {
  using folder = tempFolder();
  const path = folder.file('talk.kv');
  {
    using slot = filled(shape, tokens, 64);
    await saveSession({ slots: slotsOf(slot), identity }, path, about);
  }
  const whole = readFileSync(path);
  const random = new Random(seed);
  const failed: string[] = [];
  const sums = { refused: 0, restored: 0, again: 0 };
  for (let i = 0; i < count; i += 1) {
    const { bytes, checked, what } = mutant(whole, random);
    writeFileSync(path, bytes);
    try {
      sums[await outcome(path, checked)] += 1;
      const left = readdirSync(folder.path);
      if (left.length !== 1 || !readFileSync(path).equals(bytes))
        throw new Error(`the folder has ${left}, or the file is another`);
    } catch (error) {
      failed.push(`${seed} ${i}, ${what}: ${error}`);
    }
  }
  return { ...sums, failed };
}

const slotsOf = (slot: KvSlot): Slots => new Slots([slot], { stores: [], exactBatch: undefined });

/** `checked` mutants have no right checksum: what is restored of them must be right. Rejects if it is not, or with no error of ours. */
async function outcome(path: string, checked: boolean): Promise<'refused' | 'restored' | 'again'> {
  try {
    using _ = await Session.open(path);
  } catch (error) {
    if (error instanceof EngineError && error.code === 'SESSION_UNREADABLE') return 'refused';
    throw error;
  }
  const kept = await readSession(path);
  if (!kept) throw new Error('it is not there');
  using slot = filled(shape, textOf(2, 128), 128);
  if (!(await restoreSession({ slots: slotsOf(slot), identity }, kept, vocabulary))) return 'again';
  if (checked) assertHolds(slot, tokens);
  if (slot.tokens.some((token) => token >= vocabulary) || slot.exact > slot.tokens.length)
    throw new Error('wrong tokens');
  return 'restored';
}

interface Mutant {
  readonly bytes: Buffer;
  /** No checksum was made right again. */
  readonly checked: boolean;
  readonly what: string;
}

function mutant(whole: Buffer, random: Random): Mutant {
  const below = (n: number): number => (random.words(1)[0] ?? 0) % Math.max(1, n);
  const kind = below(8);
  if (kind < 4) return { ...headerMutant(whole, below), checked: false };
  const at = below(below(2) === 0 ? whole.length : magicBytes * 4);
  const bytes = Buffer.from(whole);
  const what = `way ${kind} at ${at}`;
  if (kind === 4) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
  if (kind === 5) bytes.copyWithin(at, below(whole.length), below(whole.length));
  if (kind === 6) return { bytes: bytes.subarray(0, at), checked: true, what };
  if (kind === 7) {
    const more = Buffer.alloc(1 + below(100), below(256));
    return { bytes: Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]), checked: true, what };
  }
  return { bytes, checked: true, what };
}

/** One place of the header, at any depth, has another value or is not there; its checksum is right. */
function headerMutant(whole: Buffer, below: (n: number) => number): Omit<Mutant, 'checked'> {
  const end = preludeBytes + whole.readUInt32LE(magicBytes);
  const header = JSON.parse(whole.toString('utf8', preludeBytes, end)) as Record<string, unknown>;
  let [target, key]: [Record<string, unknown>, string] = [header, ''];
  const names: string[] = [];
  for (let inner: unknown = header; typeof inner === 'object' && inner !== null; inner = target[key]) {
    target = inner as Record<string, unknown>;
    const keys = Object.keys(target);
    key = keys[below(keys.length)] ?? 'more';
    names.push(key);
    if (below(2) === 0) break;
  }
  const odd = oddities[below(oddities.length)];
  if (below(4) === 0) delete target[key];
  else target[key] = odd;
  const json = Buffer.from(JSON.stringify(header));
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32LE(below(20) === 0 ? below(2 ** 32) : json.length);
  numbers.writeUInt32LE(crc32(json), 4);
  const bytes = Buffer.concat([whole.subarray(0, magicBytes), numbers, json, whole.subarray(end)]);
  return { bytes, what: `${names.join('.')} = ${JSON.stringify(target[key])?.slice(0, 60)}` };
}
