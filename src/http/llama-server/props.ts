import type { ServedModel } from '../../library/model-card.ts';
import type { SequenceStatus } from '../../model/engine-status.ts';
import type { Places } from '../../worker/backend.ts';
import { withUsualSampling } from '../request/sampling-fields.ts';
import { generationSettings } from './answer.ts';

/** Sampling of llama-server where neither the request nor the model's file says anything. */
export const usualSampling = { temperature: 0.8, topK: 40, topP: 0.95, minP: 0.05 };

/** The answer of /props: what a client has to know of a model. */
export function propsOf(model: ServedModel, { context, parallel }: Places, loaded: boolean): object {
  const generation = withUsualSampling({ sampling: {}, stop: [] }, model, usualSampling);
  return {
    default_generation_settings: { params: generationSettings(model, { generation, stream: true }), n_ctx: context },
    total_slots: parallel,
    model_alias: model.name,
    model_path: `${model.name}.gguf`,
    model_ftype: model.quantization,
    chat_template: model.template,
    ...(model.toolTemplate !== '' && { chat_template_tool_use: model.toolTemplate }),
    modalities: { vision: false, audio: false },
    endpoint_slots: true,
    endpoint_props: false,
    endpoint_metrics: true,
    build_info: 'ssd-llm',
    is_sleeping: !loaded,
  };
}

/** The answer of /slots: the places for sequences that are computed together, and the sequences that have one. */
export const slotsOf = (
  { context, parallel }: Places,
  { sequences, drafts }: { readonly sequences: readonly SequenceStatus[]; readonly drafts: boolean },
): readonly object[] =>
  Array.from({ length: parallel }, (_, id) => {
    const sequence = sequences[id];
    return {
      id,
      n_ctx: context,
      speculative: drafts,
      is_processing: sequence !== undefined,
      ...(sequence && progressOf(sequence)),
    };
  });

const progressOf = ({ prompt_tokens, prompt_done, cached_tokens, answer_tokens }: SequenceStatus): object => ({
  n_prompt_tokens: prompt_tokens,
  n_prompt_tokens_processed: prompt_done - cached_tokens,
  n_prompt_tokens_cache: cached_tokens,
  next_token: [{ has_next_token: true, n_decoded: answer_tokens }],
});
