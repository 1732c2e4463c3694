import { EngineError } from '../../src/base/errors.ts';
import type { Device } from '../../src/ggml/device.ts';
import { type GpuHandle, gpuDevices } from '../../src/ggml/gpu-backend.ts';
import { GpuDevice } from '../../src/ggml/gpu-device.ts';

// The Vulkan of Mesa that computes on the CPU counts only where it is asked for.
process.env['GGML_VK_VISIBLE_DEVICES'] ??= '0';

function find(): GpuHandle | string {
  try {
    const [handle] = gpuDevices('vulkan');
    return handle ?? 'a Vulkan device';
  } catch (error) {
    if (error instanceof EngineError) return error.message;
    throw error;
  }
}

const found = find();

/** The reason to skip tests that need a Vulkan device: what is missing; false if nothing is. */
export const withoutVulkan: string | false = typeof found === 'string' ? found : false;

/** A Vulkan device, whose memory is by default the process's, as that of the CPU; `threads` of the CPU choose tokens. */
export function vulkanDevice(memory: Device['memory'] = 'host', threads = 1): GpuDevice {
  if (typeof found === 'string') throw new Error(found);
  return new GpuDevice(found, threads, memory);
}
