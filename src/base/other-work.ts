/** Seconds that the machine's cores have computed so far, all together, and those of them that were this process's. */
export interface CoreTimes {
  /** Seconds of a clock. */
  readonly at: number;
  readonly cores: number;
  readonly all: number;
  readonly own: number;
}

/** Seconds of a tick of Linux's counters. */
const tick = 1 / 100;
/** Shares of the cores that others may take before they are thought to have been in the way: counters are coarse. */
const harmless = 0.2;

/**
 * Seconds of all cores from the text of /proc/stat: whatever is not idle and does not wait for a drive, with the time that
 * other machines took on the same processor ("steal"); undefined where it says something else.
 */
export function busySeconds(stat: string): number | undefined {
  const line = /^cpu +(.*)$/m.exec(stat)?.[1];
  const [user, nice, system, , , irq = 0, softirq = 0, steal = 0] = line?.split(/ +/).map(Number) ?? [];
  const ticks = (user ?? Number.NaN) + (nice ?? Number.NaN) + (system ?? Number.NaN) + irq + softirq + steal;
  return Number.isFinite(ticks) ? ticks * tick : undefined;
}

/**
 * True if other programs, or other machines, were in the way of `threads` between two moments: they took more of the cores
 * than the threads leave.
 */
export function wasDisturbed(before: CoreTimes, after: CoreTimes, threads: number): boolean {
  const { cores } = after;
  const whole = cores * (after.at - before.at);
  if (!(whole > 0)) return false;
  const others = after.all - before.all - (after.own - before.own);
  return others / whole > Math.max(0, 1 - threads / cores) + harmless;
}
