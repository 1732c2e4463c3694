/**
 * Takes an event, in the words of whoever it happened to, and the facts about it: numbers are bytes, tokens, and seconds
 * where their name ends in `_s`. Where nobody wants to know there is none, and facts are not even gathered.
 */
export type Debug = (event: string, facts: object) => void;
