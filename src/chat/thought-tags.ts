import type { BegunAnswer } from './begun-answer.ts';

/** Texts around the thoughts with which an answer begins. */
export interface ThoughtTags {
  readonly open: string;
  readonly close: string;
  /** True where thoughts may also follow text. */
  readonly anywhere?: boolean;
}

interface Family extends ThoughtTags {
  /** The tags as a template makes them of parts. */
  readonly made?: string;
}

const tags = (open: string, close: string, more: Partial<Family> = {}): Family => ({ open, close, ...more });

/** Tags of all families; those that come first are looked for first. */
const families: readonly Family[] = [
  tags('<think:opensource>', '</think:opensource>', { made: "'<think{}>'" }),
  tags('<|open|>think<|sep|>', '<|close|>think<|sep|>', { made: "open_tag('think')" }),
  tags('<think>', '</think>'),
  tags('[THINK]', '[/THINK]'),
  tags('<seed:think>', '</seed:think>'),
  tags('<mm:think>', '</mm:think>'),
  tags('<thinking>', '</thinking>'),
  tags('<thought>', '</thought>'),
  tags('<reasoning>', '</reasoning>'),
  tags('◁think▷', '◁/think▷'),
  tags('<|channel>thought', '<channel|>', { anywhere: true }),
  tags('<|START_THINKING|>', '<|END_THINKING|>'),
  tags('<|inner_prefix|>', '<|inner_suffix|>'),
  tags('<|begin_of_thought|>', '<|end_of_thought|>'),
  tags('<|think|>', '<|end|><|begin|>assistant<|content|>'),
  tags('Here are my reasoning steps:', '[BEGIN FINAL RESPONSE]'),
];

/** The tags of a model, which its chat template writes, or takes out of earlier answers; undefined if it has none. */
export function thoughtTagsOf(template: string): ThoughtTags | undefined {
  const spoken = withoutComments(template);
  return families.find(({ open, close, made = open }) => [open, close, made].some((text) => spoken.includes(text)));
}

/** A template of Jinja or Go without its comments, which may speak of any tags. */
const withoutComments = (template: string): string =>
  template.replace(/\{#[\s\S]*?#\}|\{\{-?\s*\/\*[\s\S]*?\*\/\s*-?\}\}/g, '');

/** True if a model of this template can think: its answers have tags around thoughts, or a channel for them. */
export const canThink = (template: string): boolean =>
  thoughtTagsOf(template) !== undefined || /<\|channel\|>analysis| to=self<\|message\|>/.test(template);

/** True where a prompt ends within thoughts: with the open tag, or with an answer that has begun so. */
export function opensThoughts(prompt: string, { open, close }: ThoughtTags, begun?: BegunAnswer): boolean {
  if (!begun) return prompt.trimEnd().endsWith(open);
  return begun.kind === 'thinking' || begun.text.lastIndexOf(open) > begun.text.lastIndexOf(close);
}
