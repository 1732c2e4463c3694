import { readFileSync } from 'node:fs';

/** What the process still grows by after the vocabulary is loaded: JavaScript's heap, graphs. Measured: 12-24 MiB. */
const growth = 28 * 2 ** 20;
/** The engine with its libraries, and no model, in any command. Measured: 65-72 MiB with Node 20, 73-80 with Node 24. */
const usualBytes = 80 * 2 ** 20;

/** The bytes that a process takes beside weights, KV and intermediate results when it does nothing else. */
export const usualRuntimeBytes = (vocabulary: number): number => usualBytes + vocabulary + growth;

/** The same of this process, which may do other things. */
export const runtimeBytes = (): number => process.memoryUsage.rss() + growth;

/** The largest resident set this process has had, in bytes. */
export function peakBytes(): number {
  // Linux hands the figure of `resourceUsage` down from the process that started this one.
  const [, own] =
    (process.platform === 'linux' && /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))) || [];
  return (own ? Number(own) : process.resourceUsage().maxRSS) * 1024;
}
