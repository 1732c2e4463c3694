import type { BegunAnswer } from './begun-answer.ts';

/** Texts around the thoughts with which an answer begins. */
export interface ThoughtTags {
  readonly open: string;
  readonly close: string;
}

const tags = (open: string, close: string): ThoughtTags => ({ open, close });

/** Tags of all families; those that come first are looked for first. */
const families: readonly ThoughtTags[] = [
  tags('<think>', '</think>'),
  tags('[THINK]', '[/THINK]'),
  tags('<seed:think>', '</seed:think>'),
  tags('<mm:think>', '</mm:think>'),
  tags('<thinking>', '</thinking>'),
  tags('<thought>', '</thought>'),
  tags('<reasoning>', '</reasoning>'),
  tags('◁think▷', '◁/think▷'),
  tags('<|channel>thought', '<channel|>'),
  tags('<|START_THINKING|>', '<|END_THINKING|>'),
  tags('<|inner_prefix|>', '<|inner_suffix|>'),
  tags('<|begin_of_thought|>', '<|end_of_thought|>'),
  tags('<|think|>', '<|end|><|begin|>assistant<|content|>'),
  tags('Here are my reasoning steps:', '[BEGIN FINAL RESPONSE]'),
];

/** The tags of a model, which its chat template writes, or takes out of earlier answers; undefined if it has none. */
export const thoughtTagsOf = (template: string): ThoughtTags | undefined =>
  families.find(({ open, close }) => template.includes(open) || template.includes(close));

/** True if a model of this template can think: its answers have tags around thoughts, or a channel for them. */
export const canThink = (template: string): boolean =>
  thoughtTagsOf(template) !== undefined || template.includes('<|channel|>analysis');

/** True where a prompt ends within thoughts: with the open tag, or with an answer that has begun so. */
export function opensThoughts(prompt: string, { open, close }: ThoughtTags, begun?: BegunAnswer): boolean {
  if (!begun) return prompt.trimEnd().endsWith(open);
  return begun.kind === 'thinking' || begun.text.lastIndexOf(open) > begun.text.lastIndexOf(close);
}
