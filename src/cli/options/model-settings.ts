import { join } from 'node:path';
import type { RopeOptions } from '../../arch/rope.ts';
import { EngineError } from '../../base/errors.ts';
import { checkFolder } from '../../base/folder.ts';
import { checkOnDisk } from '../../base/memory-folder.ts';
import { readTextFile } from '../../base/regular-file.ts';
import { namedTemplates } from '../../chat/named-templates.ts';
import type { ModelSettings, PromptCacheSettings } from '../../model/model-options.ts';
import type { KvOptions } from '../../plan/kv-options.ts';
import { cacheFolder, ioThreads } from '../environment.ts';
import type { EngineSettings } from './engine-options.ts';

/** The first tokens of a text draw attention whatever they say; without any, the text behind them falls apart. */
const usualSinks = 4;

/**
 * The message to an engine, and the options of `Model.open`. Throws BAD_OPTION for options that need another one, and
 * IN_MEMORY.
 */
export function modelSettingsOf(settings: EngineSettings): ModelSettings {
  const {
    memoryBudget,
    ctx: context,
    device,
    gpuMemory,
    threads,
    kernels,
    graphs,
    expertCache,
    lora: loras,
  } = settings;
  const { draftNgram: ngram, draftModel: model, draftAhead: ahead, adaptiveDraft: adaptive } = settings;
  const draft = { ngram, model, ahead, adaptive };
  checkCompanions(settings);
  const [kv, rope] = [kvOf(settings), ropeOf(settings)];
  return {
    memoryBudget,
    context,
    kv,
    rope,
    graphs,
    loras,
    expertCache,
    chatTemplate: chatTemplateOf(settings),
    draft,
    device,
    gpuMemory,
    threads,
    kernels,
    ioThreads: ioThreads(),
    trialFolder: cacheFolder(),
    measuredFolder: cacheFolder(),
  };
}

/** The most bytes of a chat template; the longest of real ones has 30 KB. */
const mostTemplate = 2 ** 20;

/** The source of the chat template; undefined for the model's own. Throws BAD_OPTION. */
function chatTemplateOf({ chatTemplate }: EngineSettings): string | undefined {
  if (chatTemplate === undefined) return undefined;
  const known = namedTemplates[chatTemplate];
  if (known !== undefined) return known;
  try {
    return readTextFile(chatTemplate, mostTemplate);
  } catch (cause) {
    const expected = `a file that can be read, or one of ${Object.keys(namedTemplates).join(', ')}`;
    throw new EngineError('BAD_OPTION', { option: '--chat-template', value: chatTemplate, expected }, { cause });
  }
}

/** Refuses options that change nothing beside the others. */
function checkCompanions(settings: EngineSettings): void {
  const { sinkTokens, slidingWindow, draftAhead, draftNgram, draftModel, ropeScale, ropeScaling } = settings;
  const rules = [
    ['--sink-tokens', sinkTokens, slidingWindow !== undefined, '--sliding-window beside it'],
    ['--draft-ahead', draftAhead, draftNgram || draftModel !== undefined, '--draft-model or --draft-ngram beside it'],
    ['--rope-scale', ropeScale, ropeScaling !== 'none', 'another --rope-scaling than none beside it'],
  ] as const;
  for (const [option, value, counts, expected] of rules) {
    if (value !== undefined && !counts) throw new EngineError('BAD_OPTION', { option, value: `${value}`, expected });
  }
}

function kvOf({ kvType, slidingWindow, sinkTokens, kvHome, kvDir }: EngineSettings): KvOptions {
  if (kvDir !== undefined && kvHome !== 'ram') checkOnDisk(kvDir);
  const window = slidingWindow === undefined ? undefined : { tokens: slidingWindow, sinks: sinkTokens ?? usualSinks };
  return { type: kvType, window, home: kvHome, folder: kvDir ?? cacheFolder() };
}

/** The changes to the model's rotation; undefined for none. */
function ropeOf({ ropeScale: scale, ropeBase: base, ropeScaling: scaling }: EngineSettings): RopeOptions | undefined {
  const given = scale !== undefined || base !== undefined || scaling !== undefined;
  return given ? { scale, base, scaling } : undefined;
}

type PromptFiles = Pick<EngineSettings, 'promptCache' | 'promptCacheDir'>;

/** True if a command that answers and ends keeps prompts. */
export const keepsPrompts = ({ promptCache, promptCacheDir }: PromptFiles): boolean =>
  promptCache !== 0 && (promptCache ?? promptCacheDir) !== undefined;

/**
 * The folder of kept prompts for a command that answers and ends: nothing is kept in memory, as one prompt has no use
 * for it. Throws BAD_OPTION, IN_MEMORY, UNWRITABLE.
 */
export function promptFilesOf(settings: PromptFiles): PromptCacheSettings | undefined {
  if (!keepsPrompts(settings)) return undefined;
  const { promptCache, promptCacheDir } = settings;
  const usual = cacheFolder();
  const folder = promptCacheDir ?? (usual === undefined ? undefined : join(usual, 'prompts'));
  if (folder === undefined) {
    const expected = '--prompt-cache-dir beside it, as there is no home folder';
    throw new EngineError('BAD_OPTION', { option: '--prompt-cache', value: 'given', expected });
  }
  checkOnDisk(folder);
  checkFolder(folder);
  return { bytes: 0, folder, folderBytes: promptCache === 'auto' ? undefined : promptCache };
}
