import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

/** All grammars of a model: those of answers under way, and the last ones beside them. */
export const mostGrammarBytes: number = 8 * 2 ** 20;
/** Growth of the process after the vocabulary is loaded: JavaScript's heap, grammars, graphs. Measured: 12-24 MiB. */
const growth = 28 * 2 ** 20;
/**
 * The engine with its libraries, and no model, in any command. Measured: 65-72 MiB with Node 20, 73-80 with Node 24.
 */
const usualBytes = 80 * 2 ** 20;

/**
 * Keeps garbage small: young objects would fill up to 48 MiB before they are collected, and older ones 60 MiB beside 20 that
 * are in use. The command line does so before it loads anything, for programs that use the package it is done here.
 */
export function limitGarbage(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=30');
}

/** Bytes of a process beside weights, KV and intermediate results when it does nothing else. */
export const usualRuntimeBytes = (vocabulary: number): number => usualBytes + vocabulary + growth;

/** Bytes of this process beside the same, whatever else it does. */
export const runtimeBytes = (): number => process.memoryUsage.rss() + growth;

/** The largest resident set this process has had, in bytes. */
export function peakBytes(): number {
  // Linux's `resourceUsage` starts with the figure of the parent process.
  const [, own] =
    (process.platform === 'linux' && /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))) || [];
  return (own ? Number(own) : process.resourceUsage().maxRSS) * 1024;
}
