/**
 * Takes an event, named by the part of the program that it happened to, and the facts about it: numbers are bytes,
 * tokens, and seconds where their name ends in `_s`. Undefined where nobody wants to know: then facts are not even
 * gathered.
 */
export type Debug = (event: string, facts: object) => void;
