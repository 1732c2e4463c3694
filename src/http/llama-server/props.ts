import type { ServedModel } from '../../library/model-card.ts';
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

/** The answer of /slots: the places for sequences that are computed together. */
export const slotsOf = ({ context, parallel, active }: Places): readonly object[] =>
  Array.from({ length: parallel }, (_, id) => ({ id, n_ctx: context, speculative: false, is_processing: id < active }));
