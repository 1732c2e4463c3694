export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Forms of the log's lines. */
export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

/** Whether the engines' events are logged, too. */
export const logsEvents = (level: string): boolean => level === 'debug' || level === 'trace';
