/** Whole seconds as "57s", "1m 57s" or "2h 5m". */
export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${seconds}s`;
  return minutes < 60 ? `${minutes}m ${seconds % 60}s` : `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}

/** Seconds that are known to two digits: "0.35 s", "12 s", "1m 57s". */
export const roughly = (seconds: number): string =>
  seconds < 60 ? `${Number(seconds.toPrecision(2))} s` : duration(Math.round(seconds));
