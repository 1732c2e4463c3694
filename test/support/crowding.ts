import { availableParallelism, loadavg } from 'node:os';

/** The processes that wanted a core of late, for each core; 1 where there was one for each, or it is not known. */
export const crowding = (): number => Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
