import type * as z from 'zod';

export type CommandName =
  | 'run'
  | 'chat'
  | 'embed'
  | 'serve'
  | 'list'
  | 'show'
  | 'create'
  | 'cp'
  | 'rm'
  | 'pull'
  | 'ps'
  | 'devices'
  | 'info'
  | 'bench'
  | 'config'
  | 'completion';

/** Other words for an option where a command gives it another meaning. */
interface Words {
  readonly help?: string;
  readonly byDefault?: string;
}

/** Another flag for the same setting; the last flag of a command line counts. */
interface Alias {
  /** Flags of the alias. With a value (`--max-batch <n>`), it is a name in the configuration file too. */
  readonly flags: string;
  /** The value that a flag without one stands for. */
  readonly value?: unknown;
  /** Help; default: "the same as" the option. */
  readonly help?: string;
  /** Commands that have it; default: all of the option's. */
  readonly commands?: readonly CommandName[];
}

interface Declared<T> {
  /** Its name among the options of `Model.open`, if that is another one: `kv.type`. Errors of engines have it. */
  readonly option?: string;
  /** The flags as --help shows them: `-t, --threads <n>`; `[size]` is a value that may be left out, meaning auto. */
  readonly flags: string;
  readonly help: string;
  /** Checks a value, and turns text into the setting. Its messages name the expected value. */
  readonly schema: z.ZodType<T>;
  /** The unit of its numbers, where people want to read it. */
  readonly unit?: 'bytes' | 'seconds';
  /** The default in words, where the value alone is not clear. */
  readonly byDefault?: string;
  readonly commands: readonly CommandName[];
  readonly words?: Readonly<Partial<Record<CommandName, Words>>>;
  /**
   * Environment variables; the first that is set counts. With a list, the configuration file may have the option too.
   */
  readonly variables?: readonly string[];
  /** True if the variables and the file count also for commands that otherwise take flags alone. */
  readonly everywhere?: true;
  readonly aliases?: readonly Alias[];
  /** True for paths, which in the configuration file count from the file's folder. */
  readonly isPath?: true;
  /** True if each use adds to a list. */
  readonly repeats?: true;
  /** Options that exclude it. */
  readonly conflicts?: readonly string[];
}

/** An option with all that there is to say of it. Options without a default are undefined if left out. */
export type OptionSpec<T> = Declared<T> &
  (undefined extends T ? { readonly default?: undefined } : { readonly default: T });

/** An option whose value may be anything. */
export type AnyOption = Declared<unknown> & { readonly default?: unknown };

/** The options that give the settings `S`, in the order of --help. */
export type OptionSpecs<S> = { readonly [K in keyof S]-?: OptionSpec<S[K]> };
