const all = Boolean(process.env['SSD_LLM_TEST_ALL_ROUNDS']);

/** The number of tries: `few` times in `npm test`, `many` times where all rounds are run, in `npm run test:long`. */
export const rounds = (few: number, many: number): number => (all ? many : few);

/** `few` of the cases, the first and the last among them; all of them where all rounds are run. */
export const some = <T>(cases: readonly T[], few: number): readonly T[] =>
  all || few >= cases.length
    ? cases
    : Array.from({ length: few }, (_, i) => cases[Math.round((i * (cases.length - 1)) / Math.max(1, few - 1))] as T);

/** One of the cases, another one for each `i`; all of them where all rounds are run. */
export const inTurn = <T>(cases: readonly T[], i: number): readonly T[] =>
  all ? cases : [cases[i % cases.length] as T];
