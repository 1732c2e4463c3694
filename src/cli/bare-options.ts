/** Options whose value may be left out, and what values look like. */
const bare: ReadonlyMap<string, RegExp> = new Map([['--prompt-cache', /^(auto|\d[\d.]*\s*[a-z]{0,3})$/i]]);

/**
 * The command line, with "=auto" after options that were given without a value. Commander would take a model or a prompt
 * behind one for the value, and of its own way, a preset, --help says "(preset: "auto")".
 */
export function withBareOptions(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return argv.map((word, i) => {
    const values = end < 0 || i < end ? bare.get(word) : undefined;
    return values && !values.test(argv[i + 1] ?? '') ? `${word}=auto` : word;
  });
}
