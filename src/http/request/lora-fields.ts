import * as z from 'zod';
import type { AdapterScale } from '../../runtime/lora-adapters.ts';
import { given } from './given.ts';
import { listOf } from './lists.ts';

/** More adapters than any model is served with. */
const most = 256;

/** Scales of LoRA adapters by their numbers: llama-server's. */
export const adapterScales: z.ZodType<AdapterScale[]> = listOf(
  z.looseObject({ id: z.int().min(0), scale: z.number() }),
  { most },
);

/** The field `lora` of a request. */
export const loraFields: { readonly lora: z.ZodType<readonly AdapterScale[] | undefined> } = {
  lora: given(adapterScales),
};

/** The scales that a request asks for; none where it lists no adapter, as for llama-server. */
export const lorasIn = ({
  lora,
}: {
  readonly lora?: readonly AdapterScale[] | undefined;
}): readonly AdapterScale[] | undefined => (lora && lora.length > 0 ? lora : undefined);
