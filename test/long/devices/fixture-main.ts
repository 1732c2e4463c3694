// Computes small models on the CPU and on a Vulkan device, one after another, in a process that the driver may end.
import { graphTraits } from '../../../src/exec/llama-measure.ts';
import { CpuDevice } from '../../../src/ggml/cpu-device.ts';
import type { Device } from '../../../src/ggml/device.ts';
import { openModelFile } from '../../../src/gguf/model-file.ts';
import { streamedLogits } from '../../support/architectures/streamed.ts';
import { fewBatches } from '../../support/architectures/usual-batches.ts';
import { plenty } from '../../support/open-model.ts';
import { vulkanDevice } from '../../support/vulkan.ts';

export interface FixtureRequest {
  readonly name: string;
  readonly path: string;
  readonly memory: Device['memory'];
}

/** Rows of logits, unless the device cannot compute some operations. */
export type FixtureAnswer =
  | { readonly unsupported: readonly string[] }
  | Readonly<Record<'cpu' | 'resident' | 'streamed', readonly Float32Array[]>>
  | { readonly error: string };

async function answer({ name, path, memory }: FixtureRequest): Promise<FixtureAnswer> {
  try {
    using device = vulkanDevice(memory);
    const { unsupported } = graphTraits(openModelFile(path), undefined, device);
    if (unsupported.length > 0) return { unsupported: [...new Set(unsupported)] };
    using cpu = new CpuDevice(1);
    const batches = fewBatches(name);
    return {
      cpu: await streamedLogits(name, path, { device: cpu }, batches),
      resident: await streamedLogits(name, path, { device, extra: plenty }, batches),
      streamed: await streamedLogits(name, path, { device }, batches),
    };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

process.on('message', async (request: FixtureRequest) => process.send?.(await answer(request)));
