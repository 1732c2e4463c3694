import type { Metadata } from '../gguf/metadata.ts';
import type { Conversation } from './message.ts';
import { usesTools } from './tools/adapt-tools.ts';

/** Keys of chat templates in a file's metadata. */
export const templateKeys = { plain: 'tokenizer.chat_template', tools: 'tokenizer.chat_template.tool_use' } as const;

/** Sources of a model's chat templates. */
export interface TemplateSources {
  /** Template of conversations; undefined where the model has none. */
  readonly plain: string | undefined;
  /** Template of conversations with tools; undefined where they have none of their own. */
  readonly tools: string | undefined;
}

/** The chat templates of a model's file, or the one that is given in their place. */
export function templateSourcesOf(metadata: Metadata, given: string | undefined): TemplateSources {
  if (given !== undefined) return { plain: given, tools: undefined };
  const [plain, tools] = [templateKeys.plain, templateKeys.tools].map((key) => metadata.string(key, undefined));
  return plain === undefined ? { plain: tools, tools: undefined } : { plain, tools };
}

/** The template by which a reranker is shown `{query}` and `{document}`; undefined where the model has none. */
export const rankTemplateOf = (metadata: Metadata): string | undefined =>
  metadata.string('tokenizer.chat_template.rerank', undefined);

/** The template for a conversation. */
export const sourceFor = ({ plain, tools }: TemplateSources, conversation: Conversation): string | undefined =>
  tools !== undefined && usesTools(conversation) ? tools : plain;
