/** Numbers of parameters as the names of models have them: 134515008 -> "135M", 8030261248 -> "8.0B". */
export function formatCount(n: number): string {
  if (n >= 999.5e6) return `${(n / 1e9).toFixed(1)}B`;
  if (n >= 999.5e3) return `${Math.round(n / 1e6)}M`;
  return n >= 1e3 ? `${Math.round(n / 1e3)}K` : `${n}`;
}
