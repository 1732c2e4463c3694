import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { checkFolder } from '../base/folder.ts';
import { checkOnDisk } from '../base/memory-folder.ts';
import type { Plan } from '../plan/plan.ts';
import { currentUser } from './environment.ts';
import { kvOf, kvOptions } from './kv-options.ts';
import { budgetOption, contextOption, draftOf, kernelsOption, threadsOption } from './options.ts';
import { warn } from './output.ts';
import { ropeOf, ropeOptions } from './rope-options.ts';
import type { Flags, Settings } from './settings.ts';

/** Texts stay as they are: with those of the environment and the file they become settings, which have defaults. */
function unread(option: Option, byDefault = option.defaultValueDescription ?? option.defaultValue): Option {
  const [description] = option.description.split(' (default: ');
  if (byDefault !== undefined) option.description = `${description} (default: ${byDefault})`;
  return option.argParser((text) => text).default(undefined);
}

const option = (flags: string, description: string, byDefault: string): Option =>
  unread(new Option(flags, description), byDefault);

export const addressOptions = (): readonly Option[] => [
  option('--host <address>', 'where the server listens', '127.0.0.1'),
  option('--port <n>', 'its port there', '11434'),
];

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('answer clients of Ollama and OpenAI, many at once')
    .argument('[models...]', 'GGUF files; of a split model, any part')
    .option('--models <dir>', 'a folder whose GGUF files are served too')
    .addOption(unread(budgetOption()));
  const shared = [
    ...addressOptions(),
    unread(contextOption(), 'auto, up to 4096, and more for a request that wants it'),
    ...[...kvOptions(), ...ropeOptions()].map((one) => unread(one)),
  ];
  for (const one of shared) command.addOption(one);
  return command
    .addOption(option('--parallel <n>', 'requests that are answered at once', 'auto, up to 4'))
    .addOption(new Option('--max-batch <n>', 'the same as --parallel').conflicts('parallel'))
    .addOption(option('--max-queue <n>', 'requests that may wait beside them', '512'))
    .option('--api-key <key>', 'answer only those who have this key')
    .option('--origins <list>', 'web pages that may ask, with commas between them')
    .addOption(option('--keep-alive <time>', 'how long an idle model stays loaded: 1h30m, 90, 0, or -1 for ever', '5m'))
    .addOption(
      option(
        '--prompt-cache [size]',
        'memory for what was computed of earlier prompts',
        'auto, a little of the budget',
      ),
    )
    .option('--prompt-cache-dir <dir>', 'a folder that keeps it when the server ends')
    .option('--draft-ngram', 'guess ahead by what followed earlier in a text, so that a pass yields several tokens')
    .option('--draft-model <file>', 'a small model with the same vocabulary that guesses ahead')
    .addOption(option('--draft-ahead <n>', 'the most tokens guessed at once', '15'))
    .option('--adaptive-draft', 'guess as many as pay (default: true)')
    .option('--no-adaptive-draft', 'guess as many as there are')
    .addOption(unread(kernelsOption(), 'auto'))
    .addOption(unread(threadsOption()))
    .addOption(new Option('--tensor-parallel <n>', 'the same as --threads').conflicts('threads'))
    .option('--config <file>', "settings in TOML, instead of the user's own file")
    .addOption(option('--log-level <level>', 'the least that is logged to stderr', 'info'))
    .action(serve);
}

async function serve(files: readonly string[], flags: Flags): Promise<void> {
  const { settingsOf } = await import('./settings.ts');
  const given = settingsOf({ ...flags, ...(files.length > 0 && { files }) }, currentUser());
  const { budgetFor, threadsFor } = await import('../engine/machine.ts');
  budgetFor(given.memoryBudget, warn);
  if (given.promptCacheDir !== undefined) checkOnDisk(given.promptCacheDir);
  const settings = { ...given, threads: given.threads === undefined ? undefined : threadsFor(given.threads, warn) };
  // Where nothing can be written is found out now, not by the first request.
  for (const folder of [settings.promptCacheDir, settings.kvDir]) if (folder !== undefined) checkFolder(folder);
  const plans = await plansOf(settings);
  const { serveModels } = await import('./serving.ts');
  await serveModels(settings, plans);
}

/** The plans of the models that were named, by their first file. Rejects with the errors of those that cannot run. */
async function plansOf(settings: Settings): Promise<ReadonlyMap<string, Plan>> {
  const { openOutline } = await import('../engine/outline.ts');
  const { checkTokenizer } = await import('../text/check.ts');
  const { Drafting } = await import('../engine/drafting.ts');
  const { forecast } = await import('./forecast.ts');
  const { ctx: context, parallel = 'auto', promptCache = 'auto' } = settings;
  const planned = settings.files.map((path) => {
    const outline = openOutline(path, ropeOf(settings));
    checkTokenizer(outline.file.metadata);
    const { ahead, outline: draft } = Drafting.open(draftOf(settings), outline);
    const plan = forecast(outline, {
      ...settings,
      context,
      kv: kvOf(settings),
      parallel,
      ahead,
      draft,
      promptCache,
    });
    return [resolve(outline.file.files[0]?.path ?? path), plan] as const;
  });
  return new Map(planned);
}
