import type { Dice } from './attack.ts';
import { type Entry, type Field, type Fields, nameOf, textFields, u32, u64 } from './header-fields.ts';

/** One way to change a header. */
type Mutation = (fields: Fields, dice: Dice) => Fields;

/** Numbers at the edges of what types hold, and of what readers allow. */
const edges = [0, 1, 2, 3, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 65535, 65536, 2 ** 20, 2 ** 26, 2 ** 28]
  .map(BigInt)
  .concat([31n, 32n, 53n, 62n, 63n, 64n].flatMap((bits) => [2n ** bits - 1n, 2n ** bits, 2n ** bits + 1n]));

const floats = [0, -0, 1e-30, -1, 1e30, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

const texts = (): readonly (string | Buffer)[] => [
  '',
  '\0',
  'a\0b',
  ' ',
  '\u2581',
  '\u202egpj',
  '../../etc/passwd',
  'x'.repeat(64),
  'x'.repeat(5000),
  Buffer.from([0xff, 0xfe, 0x80]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf0, 0x9f]),
  'llama',
  'gemma3',
  'phi3',
  'gpt2',
  'no_vocab',
  'bert',
  'whitespace',
  'qwen2',
  'yarn',
  'longrope',
  '<0x41>',
];

/** Chat templates that fail, never end, or fill the memory of whoever lets them. */
const templates = [
  '',
  '{{',
  '{% if %}',
  '{% for m in messages %}',
  '{{ messages[0].content.x.y }}',
  '{{ raise_exception("no") }}',
  `${'{% if true %}'.repeat(3000)}x`,
  `{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`,
  `{{ ${'-'.repeat(20000)}1 }}`,
  '{{ "x" * 1000000000 }}',
  '{{ range(1000000000) | list | length }}',
  '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}',
  '{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor %}',
  '{% set ns = namespace(t="x") %}{% for i in range(60) %}{% set ns.t = ns.t + ns.t %}{% endfor %}{{ ns.t }}',
  '{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l }}',
  '{{ "%d" % "x" }}{{ "{0.__class__}".format(1) }}',
  '{{ messages.__proto__.polluted }}{{ messages.constructor.constructor("return process")() }}',
];

/** Entries that readers look up. */
const keys = [
  'general.architecture',
  'general.alignment',
  'split.count',
  'split.no',
  'tokenizer.ggml.model',
  'tokenizer.ggml.pre',
  'tokenizer.ggml.tokens',
  'tokenizer.ggml.merges',
  'tokenizer.ggml.scores',
  'tokenizer.ggml.token_type',
  'tokenizer.ggml.bos_token_id',
  'tokenizer.ggml.eos_token_id',
  'tokenizer.ggml.add_bos_token',
  'tokenizer.ggml.precompiled_charsmap',
  'tokenizer.chat_template',
];

const replaced = <T>(list: readonly T[], at: number, ...by: readonly T[]): T[] => list.toSpliced(at, 1, ...by);

/** One of the entries and tensors, changed by `change`. */
const changing =
  (change: (entry: Entry, dice: Dice, fields: Fields) => Entry): Mutation =>
  (fields, dice) => {
    const { entries, tensors } = fields;
    const at = dice.below(entries.length + tensors.length);
    const entry = [...entries, ...tensors][at];
    if (!entry) return fields;
    const changed = change(entry, dice, fields);
    return at < entries.length
      ? { ...fields, entries: replaced(entries, at, changed) }
      : { ...fields, tensors: replaced(tensors, at - entries.length, changed) };
  };

/** A number in as many bytes as another one. */
function like({ bytes }: Field, dice: Dice): Buffer {
  const value = dice.pick(edges);
  const way = dice.below(4);
  if (way === 0 && bytes.length >= 4) {
    const float = Buffer.alloc(bytes.length);
    if (bytes.length === 4) float.writeFloatLE(dice.pick(floats));
    else float.writeDoubleLE(dice.pick(floats));
    return float;
  }
  const old = bytes.length === 8 ? bytes.readBigUInt64LE() : BigInt(bytes.readUIntLE(0, bytes.length));
  return u64(way === 1 ? old + 1n : way === 2 ? old - 1n : value).subarray(0, bytes.length);
}

/** A few fields of one entry: the first ones are the most telling, and arrays have thousands of others. */
const someField = (entry: Entry, dice: Dice): number =>
  dice.below(dice.below(2) ? entry.length : Math.min(8, entry.length));

const otherField = changing((entry, dice) => {
  let at = someField(entry, dice);
  // Most lengths, counts and types make everything behind them unreadable: others get further.
  if (['length', 'count', 'type'].includes(entry[at]?.kind ?? '') && dice.below(3) > 0) at = someField(entry, dice);
  const field = entry[at];
  if (!field) return entry;
  if (field.kind === 'text') {
    const [length, text] = textFields(dice.pick(texts()));
    return dice.below(4) ? replaced(replaced(entry, at, text), at - 1, length) : replaced(entry, at, text);
  }
  const bytes = field.kind === 'type' ? u32(dice.below(45)) : like(field, dice);
  return replaced(entry, at, { ...field, bytes });
});

const otherKey = changing((entry, dice, { entries }) => {
  const key = dice.below(2) ? dice.pick(keys) : nameOf(dice.pick(entries));
  return [...textFields(key), ...entry.slice(2)];
});

const otherValue = changing((entry, dice, { entries }) => [...entry.slice(0, 2), ...dice.pick(entries).slice(2)]);

const template: Mutation = (fields, dice) => {
  const type: Field = { kind: 'type', bytes: u32(8) };
  const entry = [...textFields('tokenizer.chat_template'), type, ...textFields(dice.pick(templates))];
  return { ...fields, entries: [...fields.entries.filter((one) => nameOf(one) !== nameOf(entry)), entry] };
};

const nested = changing((entry, dice) => {
  const depth = dice.pick([1, 2, 100, 5000]);
  const level = Buffer.concat([u32(9), u64(1n)]);
  const bytes = Buffer.concat([
    u32(9),
    ...Array<Buffer>(depth).fill(level),
    u32(dice.below(13)),
    u64(dice.pick(edges)),
  ]);
  return [...entry.slice(0, 2), { kind: 'text', bytes }];
});

/** Arrays that lose or repeat elements, with or without a count that says so. */
const resized = changing((entry, dice) => {
  if (entry.length < 9) return entry;
  const from = 5 + 2 * dice.below((entry.length - 5) / 2);
  const part = entry.slice(from, from + 2 * (1 + dice.below(8)));
  const elements = dice.below(2)
    ? [...entry.slice(5, from), ...entry.slice(from + part.length)]
    : [...entry.slice(5), ...part];
  const texts = entry[6]?.kind === 'text';
  const count: Field = { kind: 'count', bytes: u64(BigInt(Math.floor(elements.length / (texts ? 2 : 1)))) };
  return [...entry.slice(0, 4), dice.below(3) ? count : (entry[4] ?? count), ...elements];
});

const repeated: Mutation = (fields, dice) => {
  const { entries, tensors } = fields;
  if (dice.below(2))
    return { ...fields, entries: entries.toSpliced(dice.below(entries.length), 0, dice.pick(entries)) };
  return { ...fields, tensors: tensors.toSpliced(dice.below(tensors.length), 0, dice.pick(tensors)) };
};

const removed: Mutation = (fields, dice) =>
  dice.below(2)
    ? { ...fields, entries: fields.entries.toSpliced(dice.below(fields.entries.length), 1) }
    : { ...fields, tensors: fields.tensors.toSpliced(dice.below(fields.tensors.length), 1) };

const alignment: Mutation = (fields, dice) => {
  const type: Field = { kind: 'type', bytes: u32(4) };
  const value = Number(dice.pick([0n, 1n, 3n, 8n, 31n, 64n, 4096n, 2n ** 20n, 2n ** 31n, 2n ** 32n - 1n]));
  const entry: Entry = [...textFields('general.alignment'), type, { kind: 'number', bytes: u32(value) }];
  return { ...fields, entries: [entry, ...fields.entries] };
};

const counts: Mutation = (fields, dice) => {
  const count = u64(dice.pick(edges));
  const way = dice.below(3);
  if (way === 0) return { ...fields, version: u32(Number(dice.pick(edges) % 2n ** 32n)) };
  return way === 1 ? { ...fields, tensorCount: count } : { ...fields, entryCount: count };
};

/** Those that say more are taken more often. */
const mutations: readonly Mutation[] = [
  ...Array<Mutation>(6).fill(otherField),
  otherKey,
  otherKey,
  otherValue,
  otherValue,
  template,
  nested,
  resized,
  resized,
  repeated,
  removed,
  alignment,
  counts,
];

/** Changes a header in one to three ways. */
export function mutateFields(fields: Fields, dice: Dice): Fields {
  let mutant = fields;
  for (let ways = 1 + dice.below(3); ways > 0; ways -= 1) {
    if (mutant.entries.length === 0 || mutant.tensors.length === 0) break;
    mutant = dice.pick(mutations)(mutant, dice);
  }
  return mutant;
}

/** Changes a few bytes: flipped bits, extreme bytes, random ones, some from elsewhere, some left out, an early end. */
export function mutateBytes(bytes: Buffer, dice: Dice): Buffer {
  const mutant = Buffer.from(bytes);
  for (let ways = 1 + dice.below(4); ways > 0; ways -= 1) {
    const at = dice.below(mutant.length);
    const way = dice.below(6);
    if (way === 0) mutant.writeUInt8(mutant.readUInt8(at) ^ (1 << dice.below(8)), at);
    else if (way === 1) mutant.writeUInt8(dice.below(2) * 255, at);
    else if (way === 2) dice.bytes(1 + dice.below(16)).copy(mutant, at);
    else if (way === 3) mutant.copyWithin(at, dice.below(mutant.length), dice.below(mutant.length));
    else if (way === 4) return Buffer.concat([mutant.subarray(0, at), mutant.subarray(at + 1 + dice.below(64))]);
    else return mutant.subarray(0, at);
  }
  return mutant;
}
