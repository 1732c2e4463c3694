import type { Option } from 'commander';
import { type KvFlags, kvOptions } from './kv-options.ts';
import {
  alias,
  budgetOption,
  contextOption,
  type DraftFlags,
  draftOptions,
  kernelsOption,
  type MachineFlags,
  threadsOption,
} from './options.ts';
import type { PromptCacheFlags } from './prompt-cache-options.ts';
import { type RopeFlags, ropeOptions } from './rope-options.ts';

/** What `modelOptions` give, beside those of the command. */
export interface ModelFlags extends MachineFlags, KvFlags, RopeFlags, DraftFlags, PromptCacheFlags {}

/** The options of a command that runs a model, its `own` among them, as --help shows them. */
export const modelOptions = (own: readonly Option[]): readonly Option[] => [
  budgetOption(),
  contextOption(),
  ...kvOptions(),
  ...ropeOptions(),
  ...own,
  ...draftOptions(),
  threadsOption(),
  alias('tensor-parallel', threadsOption()),
  kernelsOption(),
];
