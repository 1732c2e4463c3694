import { formatBytes } from '../../base/bytes.ts';
import type { Generation } from '../../engine/generation.ts';
import type { Device } from '../../ggml/device.ts';

/** The device that computes; of a processor also the variant of ggml's code for it, if there are several, and its threads. */
export function deviceLine({
  kind,
  name,
  variant,
  threads,
}: Pick<Device, 'kind' | 'name' | 'variant' | 'threads'>): string {
  if (kind !== 'cpu') return `device   ${name} (${kind})`;
  const kernels = variant === undefined ? '' : ` (${variant})`;
  return `device   ${name}${kernels}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}

/** The time of an answer by use, in lines; none if it never began. */
export function timings(generation: Generation): readonly string[] {
  const { stats } = generation;
  if (!stats) return [];
  const { prefill, decode, memory, io, speculation, experts } = stats;
  const rate = (bytes: number, seconds: number): string => `${formatBytes(seconds > 0 ? bytes / seconds : 0)}/s`;
  const seconds = (s: number): string => `${s.toFixed(2)} s`;
  return [
    `loaded   ${seconds(stats.load_ms / 1000)}, ${formatBytes(memory.resident)} resident`,
    `prompt   ${prefill.tokens} tokens${prefill.cached > 0 ? ` (and ${prefill.cached} kept)` : ''} in ${seconds(prefill.seconds)}, read ${formatBytes(prefill.bytes_read)}`,
    decode.tokens === 0
      ? 'answer   no token behind the first, which comes with the prompt'
      : `answer   ${decode.tokens_per_s.toFixed(2)} tokens/s: ${decode.tokens} in ${seconds(decode.seconds)}, ` +
        `computing ${seconds(decode.compute_s)}, waiting for weights ${seconds(decode.stall_s)}`,
    ...(speculation.drafted > 0
      ? [
          `drafted  ${speculation.accepted} of ${speculation.drafted} tokens accepted: ${speculation.tokens_per_pass.toFixed(2)} tokens per pass`,
        ]
      : []),
    ...(experts && experts.asked > 0
      ? [
          `experts  ${experts.hits} of ${experts.asked} found in memory (${((100 * experts.hits) / experts.asked).toFixed(1)} %), ` +
            `read ${formatBytes(experts.bytes_read)}, waiting for them ${seconds(experts.stall_s)}`,
        ]
      : []),
    ...(decode.tokens === 0
      ? []
      : [
          `streamed ${formatBytes(decode.bytes_per_token)} per token at ` +
            `${rate(decode.bytes_per_token * decode.tokens, decode.seconds)}${io.direct ? '' : ' (through the page cache)'}`,
        ]),
    `written  ${io.bytes_written === 0 ? 'nothing: the storage is only read' : `${formatBytes(io.bytes_written)} of keys, values and kept prompts`}`,
    `memory   peak ${formatBytes(memory.peak)} of ${formatBytes(memory.budget)}`,
  ];
}
