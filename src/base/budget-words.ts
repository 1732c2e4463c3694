import { formatBytes } from './bytes.ts';
import type { ErrorDetails } from './error-details.ts';

/** The budget that is too small, and the parts that do not fit. */
export const tooSmall = ({ budget, needed, parts, of }: ErrorDetails['BUDGET_TOO_SMALL']): string => {
  const shares = Object.entries(parts).map(([name, bytes]) => `${name} ${formatBytes(bytes)}`);
  return `a ${of === 'gpu' ? 'GPU memory' : 'memory'} budget of ${formatBytes(budget)} is too small; this model needs at least ${Math.ceil(needed / 2 ** 20)} MiB (${shares.join(', ')})`;
};

/** The option whose memory is to be lowered: an expert cache is in the smallest budget only where it was asked for. */
export function largestChoice(parts: ErrorDetails['BUDGET_TOO_SMALL']['parts']): string {
  if (parts['prompt cache']) return '--prompt-cache';
  return parts['expert cache'] ? '--expert-cache' : '--ctx';
}

/** The device that there is none of, and the way to one. */
export const missingDevice = ({ kind, reason, install }: ErrorDetails['DEVICE_MISSING']): string => {
  const way = install === undefined ? 'check its driver, or leave --device out' : `"${install}" brings the library`;
  return `there is no ${kind} device (${reason}); ${way}: "ssd-llm devices" lists what there is`;
};
