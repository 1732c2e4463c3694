import type { ServedModel } from '../../library/model-card.ts';
import { capabilitiesOf, detailsOf } from '../../library/show-model.ts';
import type { LoadedModel } from '../../worker/backend.ts';

/** An entry of /api/tags. */
export const tagsEntry = (model: ServedModel): object => ({
  name: model.name,
  model: model.name,
  modified_at: model.modified.toISOString(),
  size: model.size,
  digest: model.digest.replace(/^sha256:/, ''),
  details: detailsOf(model),
  capabilities: capabilitiesOf(model),
});

// Clients want a date: Ollama's own "never" is 292 years ahead.
const never = new Date(Date.UTC(2318, 0));

/** An entry of /api/ps. Its size is memory, and the part of it that a GPU computes in. */
export const psEntry = ({ model, expires = never, memory, gpuMemory, context }: LoadedModel): object => {
  const { name, digest } = model;
  return {
    name,
    model: name,
    size: memory,
    digest: digest.replace(/^sha256:/, ''),
    details: detailsOf(model),
    expires_at: expires.toISOString(),
    size_vram: gpuMemory,
    context_length: context,
  };
};
