import { thinkLevels } from '../../chat/think-levels.ts';
import { longFlag } from './flags.ts';
import { optionEntries } from './table.ts';

/** Options whose value may be left out. */
const bare: ReadonlySet<string> = new Set(
  optionEntries.filter(([, { flags }]) => flags.includes(' [')).map(([, { flags }]) => longFlag(flags)),
);

/** Texts that are meant as a value: a size, a level of thinking, or auto. */
const value = new RegExp(`^(auto|true|false|${thinkLevels.join('|')}|\\d[\\d.]*\\s*[a-z]{0,3})$`, 'i');

/**
 * The command line, with "=auto" after options without a value. Commander would take a model or a prompt behind one for
 * the value; with a preset, its own way, --help says "(preset: "auto")".
 */
export function withBareOptions(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--');
  return argv.map((word, i) => {
    const lacks = bare.has(word) && (end < 0 || i < end) && !value.test(argv[i + 1] ?? '');
    return lacks ? `${word}=auto` : word;
  });
}
