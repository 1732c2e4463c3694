import { answerTo } from './foreign-flags.ts';

/** Commands of llama.cpp, Ollama and LM Studio, and what there is here in their place. */
const commands: Readonly<Record<string, string>> = {
  stop: 'a model is unloaded after --keep-alive of "ssd-llm serve", or by a request with "keep_alive": 0; Ctrl-C ends the server',
  unload: 'a model is unloaded after --keep-alive of "ssd-llm serve", or by a request with "keep_alive": 0',
  load: '"ssd-llm run MODEL" and requests to "ssd-llm serve" load a model by themselves',
  push: 'models are sent nowhere',
  signin: 'there is no account; HF_TOKEN opens repositories that are not open to everybody',
  signout: 'there is no account',
  clone: '"ssd-llm pull hf.co/ORG/REPO:QUANT" downloads a model',
  dev: '"ssd-llm serve" answers clients',
  runtime: '"ssd-llm devices" lists what can compute',
  runner: '"ssd-llm serve" answers clients',
  bootstrap: 'nothing has to be set up',
  logout: 'there is no account',
  login: 'there is no account; HF_TOKEN opens repositories that are not open to everybody',
  launch: '"ssd-llm serve" answers any client of Ollama or OpenAI',
  get: '"ssd-llm pull hf.co/ORG/REPO:QUANT" downloads a model',
  download: '"ssd-llm pull hf.co/ORG/REPO:QUANT" downloads a model',
  install: '"ssd-llm pull hf.co/ORG/REPO:QUANT" downloads a model',
  search: '"ssd-llm pull" names the nearest that there are; huggingface.co/models lists them',
  import: 'a GGUF file is run where it lies: ssd-llm run FILE; "ssd-llm create" gives it a name',
  server: '"ssd-llm serve" answers clients',
  start: '"ssd-llm serve" answers clients',
  daemon: '"ssd-llm serve" answers clients',
  up: '"ssd-llm serve" answers clients',
  remove: '"ssd-llm rm MODEL" removes a model',
  delete: '"ssd-llm rm MODEL" removes a model',
  uninstall: '"ssd-llm rm MODEL" removes a model',
  copy: '"ssd-llm cp MODEL NAME" gives a model a second name',
  models: '"ssd-llm list" shows the models that there are',
  status: '"ssd-llm ps" shows what a server has loaded',
  log: 'a server logs to its stderr',
  generate: '"ssd-llm run MODEL PROMPT" answers',
  complete: '"ssd-llm run MODEL PROMPT" answers',
  ask: '"ssd-llm run MODEL PROMPT" answers',
  cli: '"ssd-llm run MODEL PROMPT" answers, "ssd-llm chat MODEL" talks',
  benchmark: '"ssd-llm bench MODEL" measures',
  version: 'ssd-llm --version',
  update: 'the package manager that installed ssd-llm updates it',
  upgrade: 'the package manager that installed ssd-llm updates it',
  quantize: 'a model is used as it is quantized: pull one that is as you want it',
};

/** Flags that mean another thing in one command. */
const inCommand: Readonly<Record<string, string>> = {
  'serve -p': 'the port is --port',
  'serve -v': '--log-level debug logs all that happens',
  'serve --verbose': '--log-level debug logs all that happens',
};

/** A word that can only be a model. */
const isModel = (word: string): boolean => /[/\\:]|\.gguf$/i.test(word);

/** The flags that commands take, as `flagCommands` gives them. */
type FlagCommands = ReadonlyMap<string, readonly string[]>;

/**
 * The hint for a command line in the ways of other programs, which begins with its command, or that gives a command the
 * option of another; undefined if there is none. `own` are the commands, `flags` those that each flag belongs to.
 */
export function hintFor(
  argv: readonly string[],
  own: readonly string[] = [],
  flags: FlagCommands = new Map(),
): string | undefined {
  const [command = ''] = argv;
  if (!own.includes(command)) {
    if (Object.hasOwn(commands, command)) return `${command}: ${commands[command]}`;
    if (isModel(command)) return `a model stands behind a command: ssd-llm run ${argv.join(' ')}`;
  }
  const end = argv.indexOf('--');
  for (const word of end < 0 ? argv : argv.slice(0, end)) {
    const flag = word.replace(/=.*$/s, '');
    if (!/^--?[a-z]/i.test(flag) || flags.get(flag)?.includes(command)) continue;
    const answer = inCommand[`${command} ${flag}`] ?? answerTo(flag);
    const [named = flag] = /--[a-z][\w-]+/.exec(answer ?? '') ?? [];
    const others = flags.get(named)?.includes(command) || answer?.includes('ssd-llm') ? undefined : flags.get(named);
    const told = [...(answer ? [answer] : []), ...(others ? [elsewhere(others, command)] : [])];
    if (told.length > 0) return `${flag}: ${told.join(', ')}`;
  }
  return command.startsWith('-') ? 'a command comes first: ssd-llm run MODEL, or ssd-llm serve' : undefined;
}

function elsewhere(commands: readonly string[], command: string): string {
  const asked =
    command === 'serve' && commands.includes('chat') ? '; requests to a server say such things themselves' : '';
  return `an option of ssd-llm ${commands.join(', ')}${asked}`;
}
