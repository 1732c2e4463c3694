import type { Dice } from './attack.ts';
import { type Entry, type Field, type Fields, nameOf, textFields, u32, u64 } from './header-fields.ts';

const types = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;

/** Keys that libllama looks up for one architecture or another. */
const known = [
  'attention.causal',
  'attention.clamp_kqv',
  'attention.compress_ratios',
  'attention.group_norm_groups',
  'attention.head_count',
  'attention.head_count_kv',
  'attention.indexer.head_count',
  'attention.indexer.key_length',
  'attention.indexer.top_k',
  'attention.key_length',
  'attention.key_length_mla',
  'attention.key_length_swa',
  'attention.kv_lora_rank',
  'attention.layer_norm_rms_epsilon',
  'attention.max_alibi_bias',
  'attention.q_lora_rank',
  'attention.recurrent_layers',
  'attention.relative_buckets_count',
  'attention.scale',
  'attention.shared_kv_layers',
  'attention.sliding_window',
  'attention.sliding_window_pattern',
  'attention.temperature_length',
  'attention.value_length',
  'attention.value_length_mla',
  'attention.value_length_swa',
  'attn_logit_softcapping',
  'block_count',
  'context_length',
  'embedding_length',
  'embedding_length_per_layer_input',
  'embedding_scale',
  'expert_chunk_feed_forward_length',
  'expert_count',
  'expert_feed_forward_length',
  'expert_gating_func',
  'expert_group_count',
  'expert_group_used_count',
  'expert_shared_count',
  'expert_shared_feed_forward_length',
  'expert_used_count',
  'expert_weights_norm',
  'expert_weights_scale',
  'experts_per_group',
  'feed_forward_length',
  'final_logit_softcapping',
  'full_attention_interval',
  'interleave_moe_layer_step',
  'kda.head_dim',
  'leading_dense_block_count',
  'moe_every_n_layers',
  'nextn_predict_layers',
  'num_loops',
  'pooling_type',
  'rescale_every_n_layers',
  'rope.dimension_count',
  'rope.dimension_sections',
  'rope.freq_base',
  'rope.scaling.factor',
  'rope.scaling.original_context_length',
  'rope.scaling.type',
  'rope.scaling.yarn_log_multiplier',
  'shortconv.l_cache',
  'ssm.conv_kernel',
  'ssm.group_count',
  'ssm.inner_size',
  'ssm.state_size',
  'ssm.time_step_rank',
  'tensor_data_layout',
  'time_decay_extra_dim',
  'token_shift_count',
  'vocab_size',
  'wkv.head_size',
];

const whole = [
  0,
  1,
  2,
  3,
  5,
  7,
  8,
  31,
  33,
  64,
  255,
  512,
  513,
  1023,
  1025,
  4096,
  2 ** 16,
  2 ** 20,
  2 ** 24,
  2 ** 31,
  2 ** 32,
];
const real = [0, -0, 1e-30, 0.5, -1, 2, 1e30, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

/** The number in an entry's value, if it is one of 4 bytes. */
const numberOf = (entry: Entry): number | undefined =>
  entry.length === 4 && entry[3]?.kind === 'number' && entry[3].bytes.length === 4
    ? entry[3].bytes.readUInt32LE()
    : undefined;

/** A whole number: one at an edge, or one that has to do with `old`. */
function wholeNumber(old: number, dice: Dice): number {
  const near = [old + 1, old - 1, old * 2, Math.floor(old / 2), old * 3, old * 64];
  const value = dice.pick(dice.below(2) ? near : whole);
  return Math.min(Math.max(value, 0), 2 ** 32 - 1);
}

const f32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};

const typeField = (type: number): Field => ({ kind: 'type', bytes: u32(type) });
const numberField = (bytes: Buffer): Field => ({ kind: 'number', bytes });

/** An entry of any value that some loader may take for the key. */
function entryOf(key: string, old: number, layers: number, dice: Dice): Entry {
  const name = textFields(key);
  const way = dice.below(8);
  if (way === 0) return [...name, typeField(types.f32), numberField(f32(dice.pick(real)))];
  if (way === 1) return [...name, typeField(types.bool), numberField(Buffer.from([dice.below(2)]))];
  if (way === 2) return [...name, typeField(types.string), ...textFields(dice.pick(['', 'yarn', 'longrope', 'x']))];
  if (way <= 4) {
    const length = dice.pick([layers, layers, layers, layers - 1, layers + 1, 0, 4, 512, 513]);
    const values = Array.from({ length }, () => numberField(u32(dice.below(3) ? old : wholeNumber(old, dice))));
    const count: Field = { kind: 'count', bytes: u64(BigInt(length)) };
    return [...name, typeField(types.array), typeField(dice.pick([types.u32, types.i32])), count, ...values];
  }
  return [...name, typeField(dice.pick([types.u32, types.i32])), numberField(u32(wholeNumber(old, dice)))];
}

/** Dimensions of a tensor that change places, grow or shrink: the fields between its name and its type. */
function reshaped(tensor: Entry, dice: Dice): Entry {
  const dimensions = tensor.slice(3, -2);
  const at = dice.below(dimensions.length);
  const old = Number(dimensions[at]?.bytes.readBigUInt64LE());
  const changed = dice.below(3)
    ? dimensions.with(at, numberField(u64(BigInt(Math.max(1, wholeNumber(old, dice))))))
    : dimensions.toReversed();
  return [...tensor.slice(0, 3), ...changed, ...tensor.slice(-2)];
}

/** Changes one to three hyperparameters, of those that the file has or of others, and sometimes the shape of a tensor. */
export function mutateHyperparameters(fields: Fields, dice: Dice): Fields {
  let { entries, tensors } = fields;
  const architecture = entries.find((entry) => nameOf(entry) === 'general.architecture')?.[4]?.bytes.toString() ?? '';
  const numberAt = (key: string): number | undefined => {
    const entry = entries.find((entry) => nameOf(entry) === key);
    return entry && numberOf(entry);
  };
  const layers = numberAt(`${architecture}.block_count`) ?? 1;
  for (let ways = 1 + dice.below(3); ways > 0; ways -= 1) {
    const own = entries.filter((entry) => nameOf(entry).startsWith(`${architecture}.`)).map(nameOf);
    const key = own.length > 0 && dice.below(4) ? dice.pick(own) : `${architecture}.${dice.pick(known)}`;
    const changed = entryOf(key, numberAt(key) ?? layers, layers, dice);
    const others = entries.filter((entry) => nameOf(entry) !== key);
    entries = dice.below(8) ? [...others, changed] : others;
    if (dice.below(8) === 0) {
      const at = dice.below(tensors.length);
      tensors = tensors.map((tensor, i) => (i === at ? reshaped(tensor, dice) : tensor));
    }
  }
  return { ...fields, entries, tensors };
}
