/** Bytes a second: 2115297506 -> "2.1 GB/s". */
export const formatRate = (rate: number): string =>
  rate >= 1e9 ? `${(rate / 1e9).toFixed(1)} GB/s` : `${Math.round(rate / 1e6)} MB/s`;

/** Seconds: 0.0124 -> "12 ms", 75 -> "1:15 min", 4000 -> "1:07 h". */
export function formatSeconds(seconds: number): string {
  if (seconds < 0.1) return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const parts = (whole: number, unit: string): string =>
    `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')} ${unit}`;
  return seconds < 3599.5 ? parts(Math.round(seconds), 'min') : parts(Math.round(seconds / 60), 'h');
}

/** A whole number with thin spaces between its thousands: 12345 -> "12 345". */
export const formatNumber = (count: number): string => `${Math.round(count)}`.replace(/\B(?=(\d{3})+$)/g, '\u202f');

/** A number of tokens: 1 -> "1 token". */
export const formatTokens = (count: number): string => `${formatNumber(count)} token${count === 1 ? '' : 's'}`;

/** A share: 0.513 -> "51 %". */
export const formatShare = (share: number): string => `${Math.round(100 * share)} %`;

/** Tokens a second: 3.141 -> "3.14", 31.41 -> "31.4". */
export function formatSpeed(rate: number): string {
  if (rate === 0) return '0';
  return rate >= 100 ? `${Math.round(rate)}` : rate.toFixed(rate >= 10 ? 1 : 2);
}
