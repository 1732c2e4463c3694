import type { ServedModel } from '../../library/model-card.ts';
import { defaultSampling } from '../../sample/sampling-options.ts';
import type { LoadedModel } from '../../worker/backend.ts';

const detailsOf = ({ family, parameters, quantization }: ServedModel): object => ({
  parent_model: '',
  format: 'gguf',
  family,
  families: [family],
  parameter_size: parameters,
  quantization_level: quantization,
});

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

/** An entry of /api/ps. Its size is memory. */
export const psEntry = ({ model, expires = never, memory, context }: LoadedModel): object => {
  const { name, digest } = model;
  return {
    name,
    model: name,
    size: memory,
    digest: digest.replace(/^sha256:/, ''),
    details: detailsOf(model),
    expires_at: expires.toISOString(),
    size_vram: 0,
    context_length: context,
  };
};

/** Defaults of a request's parameters. */
const parameters: readonly (readonly [name: string, value: number])[] = [
  ['repeat_last_n', defaultSampling.repeatLastN],
  ['repeat_penalty', defaultSampling.repeatPenalty],
  ['temperature', defaultSampling.temperature],
  ['top_k', defaultSampling.topK],
  ['top_p', defaultSampling.topP],
];

function modelfileOf({ name, template, license }: ServedModel): string {
  const quoted = (what: string, text: string): readonly string[] => (text === '' ? [] : [`${what} """${text}"""`]);
  return [
    `FROM ${name}`,
    ...quoted('TEMPLATE', template),
    ...parameters.map(([option, value]) => `PARAMETER ${option} ${value}`),
    ...quoted('LICENSE', license),
    '',
  ].join('\n');
}

/** Metadata for /api/show: the template has a field of its own; JSON has no bigint. */
function infoOf({ family, trainedContext, metadata }: ServedModel): object {
  const { 'tokenizer.chat_template': _, ...rest } = metadata;
  return {
    'general.architecture': family,
    [`${family}.context_length`]: trainedContext,
    ...Object.fromEntries(
      Object.entries(rest).map(([key, value]) => [key, typeof value === 'bigint' ? Number(value) : value]),
    ),
  };
}

/** Ollama's names for the uses of a model: clients offer those for embeddings for nothing else. */
function capabilitiesOf({ embeds, callsTools, thinks, infills }: ServedModel): readonly string[] {
  if (embeds) return ['embedding'];
  const others = { tools: callsTools, thinking: thinks, insert: infills };
  return ['completion', ...Object.entries(others).flatMap(([name, has]) => (has ? [name] : []))];
}

/** The answer of /api/show. */
export const showBody = (model: ServedModel): object => ({
  license: model.license,
  modelfile: modelfileOf(model),
  parameters: parameters.map(([option, value]) => `${option.padEnd(30)} ${value}`).join('\n'),
  template: model.template,
  details: detailsOf(model),
  model_info: infoOf(model),
  capabilities: capabilitiesOf(model),
  modified_at: model.modified.toISOString(),
});
