import type { Message } from '../chat/message.ts';
import type { ServedModel } from './model-card.ts';
import { formatModelfile, parameterLines } from './modelfile.ts';

/** A model as Ollama's clients show it. */
export interface ShownModel {
  readonly license: string;
  readonly modelfile: string;
  /** Lines of names and values; empty if the model comes without. */
  readonly parameters: string;
  readonly template: string;
  readonly system: string;
  readonly messages: readonly Message[];
  readonly details: ModelDetails;
  /** Metadata: numbers, texts, null for long arrays. */
  readonly model_info: Readonly<Record<string, unknown>>;
  readonly capabilities: readonly string[];
  readonly modified_at: string;
}

/** Properties of a model's file, by Ollama's names. */
export interface ModelDetails {
  readonly parent_model: string;
  readonly format: string;
  readonly family: string;
  readonly families: readonly string[];
  readonly parameter_size: string;
  readonly quantization_level: string;
}

/** Columns of a parameter's name. */
const nameWidth = 30;

export const detailsOf = ({ family, parameters, quantization }: ServedModel): ModelDetails => ({
  parent_model: '',
  format: 'gguf',
  family,
  families: [family],
  parameter_size: parameters,
  quantization_level: quantization,
});

/** Metadata; the template has a field of its own. */
function infoOf({ family, trainedContext, metadata }: ServedModel): Readonly<Record<string, unknown>> {
  const { 'tokenizer.chat_template': _, ...rest } = metadata;
  // JSON has no bigint.
  const plain = Object.entries(rest).map(([key, value]) => [key, typeof value === 'bigint' ? Number(value) : value]);
  return {
    'general.architecture': family,
    [`${family}.context_length`]: trainedContext,
    ...Object.fromEntries(plain),
  };
}

/** Ollama's names for the uses of a model: clients offer those for embeddings for nothing else. */
export function capabilitiesOf({ embeds, callsTools, thinks, infills }: ServedModel): readonly string[] {
  if (embeds) return ['embedding'];
  const others = { tools: callsTools, thinking: thinks, insert: infills };
  return ['completion', ...Object.entries(others).flatMap(([name, has]) => (has ? [name] : []))];
}

/**
 * A Modelfile that makes this model again: of its file where that is known, so also under its own name; of its name for
 * clients elsewhere, who have no such file.
 */
function modelfileOf({ name, preset = {} }: ServedModel, path: string | undefined): string {
  const { license, adapters = [], ...others } = preset;
  const file = formatModelfile({
    ...others,
    from: path ?? name,
    // Adapters come with a model that is named.
    adapters: path === undefined ? [] : adapters.map(({ file }) => file),
    licenses: license === undefined ? [] : [license],
  });
  return `# Modelfile of ${name}\n\n${file}`;
}

/** All that there is to show of a model, to those who have its file at `path`, or by its name. */
export const showModel = (model: ServedModel, path?: string): ShownModel => ({
  license: model.preset?.license ?? model.license,
  modelfile: modelfileOf(model, path),
  parameters: parameterLines(model.preset?.parameters ?? {}, JSON.stringify)
    .map(([name, value]) => `${name.padEnd(nameWidth)} ${value}`)
    .join('\n'),
  template: model.template,
  system: model.preset?.system ?? '',
  messages: model.preset?.messages ?? [],
  details: detailsOf(model),
  model_info: infoOf(model),
  capabilities: capabilitiesOf(model),
  modified_at: model.modified.toISOString(),
});
