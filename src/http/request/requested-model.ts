import { someOf } from '../../base/short-line.ts';
import type { ServedModel } from '../../library/model-card.ts';
import { similarNames } from '../../library/similar-names.ts';
import type { Backend } from '../../worker/backend.ts';
import { Refusal } from '../refusal.ts';

/** The model of that name. Throws a Refusal, MODEL_AMBIGUOUS. */
export function modelNamed(backend: Backend, name: string): ServedModel {
  const model = backend.find(name);
  if (model) return model;
  const names = backend.models().map((other) => other.name);
  const near = similarNames(name, names);
  const there = names.length > 0 ? `the server has ${someOf(names)}` : 'the server has none yet';
  const advice = near.length > 0 ? `did you mean ${near.join(', ')}?` : there;
  throw new Refusal(404, `model '${name}' not found; ${advice}`, { code: 'model_not_found', param: 'model' });
}

/** The model that a request asks for; without a name the only one, or the one that is loaded. Throws a Refusal. */
export function requestedModel(backend: Backend, name: string | null | undefined): ServedModel {
  if (name) return modelNamed(backend, name);
  const [first, ...others] = backend.models();
  if (!first) throw new Refusal(404, 'there is no model', { code: 'model_not_found', param: 'model' });
  const model = others.length === 0 ? first : backend.loaded()[0]?.model;
  if (model) return model;
  const message = `model is required: there are ${someOf([first, ...others].map(({ name }) => name))}`;
  throw new Refusal(400, message, { code: 'missing_model', param: 'model' });
}

/** The model for a conversation. Throws a Refusal. */
export function chatModel(backend: Backend, name: string | undefined): ServedModel {
  const model = requestedModel(backend, name);
  if (model.chats) return model;
  throw new Refusal(400, `"${model.name}" does not support chat`, { code: 'not_supported', param: 'model' });
}
