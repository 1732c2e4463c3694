const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** The smallest multiple of `to` that is >= `n`. Safe to 2^53. */
export const alignUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** The largest multiple of `to` that is <= `n`. Safe to 2^53. */
export const alignDown = (n: number, to: number): number => Math.floor(n / to) * to;

/** `alignUp` for an address. */
export const alignAddress = (address: bigint, to: number): bigint => {
  const unit = BigInt(to);
  return ((address + unit - 1n) / unit) * unit;
};

/** Bytes -> "1.5 GiB": at most one decimal, the largest unit that leaves at least 1. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${units[unit]}`;
}
