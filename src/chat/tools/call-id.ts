import { randomInt } from 'node:crypto';

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** A new id of a call: nine letters and digits, the only form that all templates take. */
export const newCallId = (): string => Array.from({ length: 9 }, () => letters[randomInt(letters.length)]).join('');
