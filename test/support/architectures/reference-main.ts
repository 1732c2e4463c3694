// The other side of `Reference`: computes one request after the other, until there is no one to ask.
import { Libllama } from '../../../bench/libllama.ts';
import type { ReferenceAnswer, ReferenceRequest } from './reference.ts';

async function answer({ path, batches, options, embeddings = false }: ReferenceRequest): Promise<ReferenceAnswer> {
  try {
    // Its backend is loaded, and libllama takes the devices that it finds.
    if (options?.device) await import('../vulkan.ts');
    using model = new Libllama(path, { context: 512, threads: 1, sequences: 4, embeddings, ...options });
    return { rows: batches.flatMap((spans) => (embeddings ? model.embedSpans(spans) : model.decodeSpans(spans))) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

process.on('message', async (request: ReferenceRequest) => process.send?.(await answer(request)));
