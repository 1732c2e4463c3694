import type { Debug } from '../../base/log.ts';
import { type LogLevel, logsEvents } from '../options/log-level.ts';

/** The log of events of a command that is no server; undefined if it is not wanted. */
export async function debugLog({ logLevel }: { readonly logLevel: LogLevel }): Promise<Debug | undefined> {
  if (!logsEvents(logLevel)) return undefined;
  const { logTo } = await import('./log.ts');
  const log = logTo('debug');
  return (event, facts) => log.debug(facts, event);
}
