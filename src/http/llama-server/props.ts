import type { ServedModel } from '../../library/model-card.ts';
import type { LoadedModel } from '../../worker/backend.ts';

/** The answer of /props: what a client has to know of the model. */
export const propsOf = (model: ServedModel, loaded: readonly LoadedModel[]): object => {
  const running = loaded.find((one) => one.model.name === model.name);
  return {
    default_generation_settings: { n_ctx: running?.context ?? model.trainedContext },
    total_slots: running?.parallel ?? 1,
    model_alias: model.name,
    model_path: model.name,
    chat_template: model.template,
    ...(model.toolTemplate !== '' && { chat_template_tool_use: model.toolTemplate }),
    modalities: { vision: false, audio: false },
    is_sleeping: running === undefined,
  };
};

/** The answer of /slots: the sequences that the loaded model computes together. */
export const slotsOf = (loaded: readonly LoadedModel[]): readonly object[] =>
  loaded.flatMap(({ context, parallel, active }) =>
    Array.from({ length: parallel }, (_, id) => ({ id, n_ctx: context, is_processing: id < active })),
  );
