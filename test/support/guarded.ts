import { runInNewContext } from 'node:vm';

/** Does work of seconds, whatever the machine; throws where it has not ended after minutes. */
export const guarded = <T>(work: () => T): T => runInNewContext('work()', { work }, { timeout: 180_000 }) as T;
