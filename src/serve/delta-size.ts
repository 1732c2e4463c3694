import type { Delta } from './backend.ts';

/** Bytes of a token with its log-probability, as an object and as JSON. */
const perLogprob = 512;

/** Bytes that a part of an answer takes while it is held for the whole. */
export const deltaBytes = ({ text, logprobs }: Delta): number =>
  4 * text.length + perLogprob * logprobs.reduce((sum, { top }) => sum + 1 + top.length, 0);
