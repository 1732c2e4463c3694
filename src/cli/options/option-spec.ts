import type * as z from 'zod';

export type CommandName = 'run' | 'chat' | 'serve' | 'list' | 'ps' | 'info' | 'bench';

/** Other words for an option where a command gives it another meaning. */
interface Words {
  readonly help?: string;
  readonly byDefault?: string;
}

/** Another flag for the same setting; the last flag of a command line counts. */
interface Alias {
  /** With a value (`--max-batch <n>`), it is a name in the configuration file too. */
  readonly flags: string;
  /** The value that a flag without one stands for. */
  readonly value?: unknown;
  /** Help; left out, "the same as" the option. */
  readonly help?: string;
  /** Commands that have it; left out, all of the option's. */
  readonly commands?: readonly CommandName[];
}

interface Declared<T> {
  /** The flags as --help shows them: `-t, --threads <n>`; `[size]` is a value that may be left out, meaning auto. */
  readonly flags: string;
  readonly help: string;
  /** Checks a value, and makes of a text what the setting is. Its messages say what was expected. */
  readonly schema: z.ZodType<T>;
  /** The default in words, where the value would not tell. */
  readonly byDefault?: string;
  readonly commands: readonly CommandName[];
  readonly words?: Readonly<Partial<Record<CommandName, Words>>>;
  /** Environment variables, the first that is set counts. With a list, the configuration file may have the option too. */
  readonly variables?: readonly string[];
  /** The variables count for commands too that are otherwise told by flags alone. */
  readonly everywhere?: true;
  readonly aliases?: readonly Alias[];
  /** A path in the configuration file counts from the file's folder. */
  readonly isPath?: true;
  /** Each time that it is given adds to a list. */
  readonly repeats?: true;
  /** Options that it cannot be given with. */
  readonly conflicts?: readonly string[];
}

/** An option with all that there is to say of it. Options without a default are undefined if left out. */
export type OptionSpec<T> = Declared<T> &
  (undefined extends T ? { readonly default?: undefined } : { readonly default: T });

/** An option whose value may be anything. */
export type AnyOption = Declared<unknown> & { readonly default?: unknown };

/** The options that give the settings `S`, in the order of --help. */
export type OptionSpecs<S> = { readonly [K in keyof S]-?: OptionSpec<S[K]> };
