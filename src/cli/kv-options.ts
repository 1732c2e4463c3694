import { Option } from 'commander';
import { EngineError } from '../base/errors.ts';
import { checkOnDisk } from '../base/memory-folder.ts';
import { type KvOptions, type KvType, kvHomes, kvTypes, type WantedHome } from '../plan/kv-choice.ts';
import { cacheFolder } from './environment.ts';
import { whole } from './options.ts';

/** What `kvOptions` give. */
export interface KvFlags {
  readonly kvType: KvType;
  /** Tokens. */
  readonly slidingWindow?: number | undefined;
  readonly sinkTokens?: number | undefined;
  readonly kvHome: WantedHome;
  readonly kvDir?: string | undefined;
}

/** The first tokens of a text draw attention whatever they say; without any, what follows falls apart. */
const usualSinks = 4;

/** What is kept of a text, and how. */
export const kvOptions = (): readonly Option[] => [
  new Option('--kv-type <type>', 'what keys and values are stored as: q8_0 takes half of f16, q4_0 a quarter')
    .choices(kvTypes)
    .default('f16'),
  new Option(
    '--sliding-window <tokens>',
    'see and keep only the last tokens of a text, which may then grow beyond the context',
  ).argParser(whole('a number of tokens', 1)),
  new Option(
    '--sink-tokens <n>',
    `the first tokens of a text, kept beside the window (default: ${usualSinks})`,
  ).argParser(whole('a number of tokens', 0, 256)),
  new Option('--kv-home <home>', 'where keys and values live: ram, ssd, or auto, the SSD for what does not fit')
    .choices(kvHomes)
    .default('auto'),
  new Option('--mmap-kv', 'the same as --kv-home ssd').implies({ kvHome: 'ssd' }),
  new Option('--kv-dir <dir>', "a folder on the SSD for them (default: the user's cache)"),
];

/** As a model wants it. Throws BAD_OPTION for what makes no sense without another option, and IN_MEMORY. */
export function kvOf({ kvType, slidingWindow, sinkTokens, kvHome, kvDir }: KvFlags): KvOptions {
  if (kvDir !== undefined && kvHome !== 'ram') checkOnDisk(kvDir);
  if (sinkTokens !== undefined && slidingWindow === undefined) {
    throw new EngineError('BAD_OPTION', {
      option: '--sink-tokens',
      value: `${sinkTokens}`,
      expected: '--sliding-window beside it',
    });
  }
  const window = slidingWindow === undefined ? undefined : { tokens: slidingWindow, sinks: sinkTokens ?? usualSinks };
  return { type: kvType, window, home: kvHome, folder: kvDir ?? cacheFolder() };
}
