import type { Conversation } from '../../chat/message.ts';
import { canThink } from '../../chat/thought-tags.ts';
import { usesTools } from '../../chat/tools/adapt-tools.ts';
import type { ServedModel } from '../../library/model-card.ts';
import type { GenerationRequest } from '../../worker/backend.ts';
import { addWarning } from './warnings.ts';

/** True if the template that a conversation goes through knows thoughts: the one that it brings, or the model's. */
export function knowsThoughts(
  { thinks, toolTemplate }: Pick<ServedModel, 'thinks' | 'toolTemplate'>,
  conversation: Conversation,
): boolean {
  if (conversation.chatTemplate !== undefined) return canThink(conversation.chatTemplate);
  return toolTemplate !== '' && usesTools(conversation) ? canThink(toolTemplate) : thinks;
}

/** Warns of thoughts that are asked of a model which has none, at APIs that know no error for it. */
export function warnOfIdleThinking(
  request: Request,
  { prompt, thinkBudget }: Pick<GenerationRequest, 'prompt' | 'thinkBudget'>,
  model: Pick<ServedModel, 'name' | 'thinks' | 'toolTemplate'>,
): void {
  const isChat = prompt.kind === 'chat';
  if (isChat ? knowsThoughts(model, prompt) : model.thinks) return;
  const asks = isChat && prompt.think !== undefined && prompt.think !== false;
  if (asks || thinkBudget !== undefined) addWarning(request, `thinking: ${model.name} does not think`);
}
