/** Options whose value may be left out, and what values look like. */
const bare: ReadonlyMap<string, RegExp> = new Map([['--prompt-cache', /^(auto|\d[\d.]*\s*[a-z]{0,3})$/i]]);

/**
 * The command line, with "=auto" after options that were given without a value and before something that is none: a
 * model or a prompt. Commander would take that for the value.
 */
export function withBareOptions(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return argv.map((word, i) => {
    const values = end < 0 || i < end ? bare.get(word) : undefined;
    const next = argv[i + 1];
    return values && next !== undefined && !next.startsWith('-') && !values.test(next) ? `${word}=auto` : word;
  });
}
