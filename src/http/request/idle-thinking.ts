import type { ServedModel } from '../../library/model-card.ts';
import type { GenerationRequest } from '../../worker/backend.ts';
import { addWarning } from './warnings.ts';

/** Warns of thoughts that are asked of a model which has none, at APIs that know no error for it. */
export function warnOfIdleThinking(
  request: Request,
  { prompt, thinkBudget }: Pick<GenerationRequest, 'prompt' | 'thinkBudget'>,
  { name, thinks }: Pick<ServedModel, 'name' | 'thinks'>,
): void {
  if (thinks) return;
  const asks = prompt.kind === 'chat' && prompt.think !== undefined && prompt.think !== false;
  if (asks || thinkBudget !== undefined) addWarning(request, `thinking: ${name} does not think`);
}
