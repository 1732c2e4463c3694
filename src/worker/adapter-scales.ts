import { basename } from 'node:path';
import type { ServedModel } from '../library/model-card.ts';
import type { ModelSettings } from '../model/model-options.ts';
import { withAdapters } from '../model/preset.ts';
import { type AdapterScale, scalesOf } from '../runtime/lora-adapters.ts';
import type { Adapter } from './backend.ts';

type Named = Pick<ServedModel, 'name' | 'preset'>;

/** The LoRA adapters of served models, with the scales that clients have set. */
export class AdapterScales {
  readonly #loras: ModelSettings['loras'];
  /** Scales that were set, by the model's name. */
  readonly #set: Map<string, readonly AdapterScale[]> = new Map();

  /** `loras` are applied to every model, beside those of its preset. */
  constructor({ loras }: Pick<ModelSettings, 'loras'>) {
    this.#loras = loras;
  }

  /** The adapters of a model, with their scales in requests that say nothing. */
  of({ name, preset }: Named): readonly Adapter[] {
    const { loras = [] } = withAdapters({ loras: this.#loras, preset });
    const set = this.#set.get(name);
    return loras.map(({ path, scale = 1 }, id) => ({
      id,
      name: basename(path),
      scale: set ? (set.findLast((one) => one.id === id)?.scale ?? 0) : scale,
    }));
  }

  /** Sets the scales of later requests. Throws BAD_OPTION. */
  set(model: Named, scales: readonly AdapterScale[]): void {
    const own = this.of(model).map(({ scale }) => scale);
    scalesOf(scales, own);
    this.#set.set(model.name, scales);
  }

  /** A request with the scales that were set, where it has none. */
  applied<T extends { readonly loras?: readonly AdapterScale[] | undefined }>({ name }: Named, request: T): T {
    return { ...request, loras: request.loras ?? this.#set.get(name) };
  }
}
