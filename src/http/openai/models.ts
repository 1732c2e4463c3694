import type { ServedModel } from '../../library/model-card.ts';

/** A model as OpenAI lists it. */
export const modelObject = ({ name, modified }: ServedModel): object => ({
  id: name,
  object: 'model',
  created: Math.floor(modified.getTime() / 1000),
  owned_by: 'ssd-llm',
});
