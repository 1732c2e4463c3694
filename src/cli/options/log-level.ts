export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Whether what engines do is logged, too. */
export const logsEvents = (level: string): boolean => level === 'debug' || level === 'trace';
