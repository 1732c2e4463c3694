export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Whether the engines' events are logged, too. */
export const logsEvents = (level: string): boolean => level === 'debug' || level === 'trace';
