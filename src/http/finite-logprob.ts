/** A finite log-probability, since JSON knows no infinity: OpenAI writes -9999 for impossible tokens. */
export const finiteLogprob = (logprob: number): number => Math.max(logprob, -9999);
