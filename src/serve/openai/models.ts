import type { Hub, ServedModel } from '../hub.ts';
import { Refusal } from '../refusal.ts';

/** A model as OpenAI lists it. */
export const modelObject = ({ name, modified }: ServedModel): object => ({
  id: name,
  object: 'model',
  created: Math.floor(modified.getTime() / 1000),
  owned_by: 'ssd-llm',
});

/** The model that a client names. Throws a Refusal. */
export function modelNamed(hub: Hub, name: string): ServedModel {
  const model = hub.find(name);
  if (!model) throw new Refusal(404, `model '${name}' not found`, { code: 'model_not_found', param: 'model' });
  return model;
}
