import type { Debug } from '../base/debug.ts';
import { EngineError } from '../base/errors.ts';
import { logLevel } from './environment.ts';
import { logLevels, logsEvents } from './log-level.ts';

/** Where a command that is no server tells what it does, if the environment asks for that. Rejects with BAD_OPTION. */
export async function debugLog(): Promise<Debug | undefined> {
  const level = logLevel();
  if (!logLevels.some((known) => known === level)) {
    const expected = `one of ${logLevels.join(', ')}`;
    throw new EngineError('BAD_OPTION', { option: 'SSD_LLM_LOG_LEVEL', value: `"${level}"`, expected });
  }
  if (!logsEvents(level)) return undefined;
  const { logTo } = await import('./log.ts');
  const log = logTo('debug');
  return (event, facts) => log.debug(facts, event);
}
