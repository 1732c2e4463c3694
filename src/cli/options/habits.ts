/** Flags of llama.cpp, Ollama and LM Studio without their dashes, and what there is here in their place. */
const flags: Readonly<Record<string, string>> = {
  model: 'a model is named without an option: ssd-llm run MODEL',
  ngl: 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  'n-gpu-layers': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  'gpu-layers': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  ot: 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  'override-tensor': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  'n-cpu-moe': 'experts are kept as the memory budget (-m) allows; --expert-cache bounds them',
  'cpu-moe': 'experts are kept as the memory budget (-m) allows; --expert-cache bounds them',
  mmap: 'weights are read by this program itself, within the memory budget (-m)',
  'no-mmap': 'weights are read by this program itself, within the memory budget (-m)',
  mlock: 'the memory budget (-m) decides what stays in memory',
  'ctx-size': 'the context is --ctx',
  'num-ctx': 'the context is --ctx',
  'n-predict': 'the longest answer is --max-tokens (-n)',
  predict: 'the longest answer is --max-tokens (-n)',
  'num-predict': 'the longest answer is --max-tokens (-n)',
  temp: 'randomness is --temperature',
  ctk: 'keys and values are stored as --kv-type says',
  'cache-type-k': 'keys and values are stored as --kv-type says',
  ctv: 'keys and values are stored as --kv-type says',
  'cache-type-v': 'keys and values are stored as --kv-type says',
  md: 'a draft model is --draft-model',
  'model-draft': 'a draft model is --draft-model',
  np: 'requests at once are --parallel',
  cnv: 'ssd-llm chat MODEL talks',
  conversation: 'ssd-llm chat MODEL talks',
  sys: 'instructions are --system',
  'system-prompt': 'instructions are --system',
  hf: '"ssd-llm pull hf.co/ORG/REPO:QUANT" downloads a model, "ssd-llm run ORG/REPO" runs it',
  'hf-repo': '"ssd-llm pull hf.co/ORG/REPO:QUANT" downloads a model, "ssd-llm run ORG/REPO" runs it',
  fa: 'flash attention is always on',
  'flash-attn': 'flash attention is always on',
  keepalive: 'how long a model stays loaded is --keep-alive, of ssd-llm serve',
  format: 'an answer in JSON is --json-mode, one of a schema --json-schema',
  nowordwrap: 'lines are not wrapped',
  hidethinking: 'thoughts are shown on a terminal only; --no-think leaves them out',
  gpu: 'the device is --device, which "ssd-llm devices" lists; the memory budget (-m) decides what stays in memory',
  'num-gpu': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  'n-gpu': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  'gpu-offload': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  'tensor-split': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  'split-mode': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  'main-gpu': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  'num-thread': 'threads are --threads',
  'threads-batch': 'threads are --threads',
  'batch-size': 'a prompt is computed in parts as large as the memory budget (-m) allows',
  'ubatch-size': 'a prompt is computed in parts as large as the memory budget (-m) allows',
  'context-length': 'the context is --ctx',
  'max-model-len': 'the context is --ctx',
  'kv-cache-type': 'keys and values are stored as --kv-type says',
  interactive: 'ssd-llm chat MODEL talks',
  i: 'ssd-llm chat MODEL talks',
  'chat-template-file': 'a template is --chat-template, by its file or its name',
  jinja: 'chat templates are always used; --raw sends a prompt as it is',
  'grammar-file': 'a grammar is --grammar, by its file',
  'json-schema-file': 'a schema is --json-schema, by its file',
  'log-disable': '--log-level says what is logged',
  'verbose-prompt': '--verbose says more',
  'no-display-prompt': 'the answer alone is printed',
  'no-cnv': 'ssd-llm run MODEL answers once; --raw sends the prompt without a chat template',
  alias: 'a model is called by any of its names; "ssd-llm cp MODEL NAME" gives another one',
  embedding: 'every model that can makes embeddings: /v1/embeddings, and ssd-llm embed',
  embeddings: 'every model that can makes embeddings: /v1/embeddings, and ssd-llm embed',
  reranking: 'every model that can ranks texts: /v1/rerank',
  rerank: 'every model that can ranks texts: /v1/rerank',
  'cont-batching': 'requests share passes always',
  quantize: 'a model is used as it is quantized: pull one that is as you want it',
  'model-url': '"ssd-llm pull URL" downloads a model',
  mu: '"ssd-llm pull URL" downloads a model',
  'hf-file': '"ssd-llm pull hf.co/ORG/REPO/FILE" downloads a file',
  hff: '"ssd-llm pull hf.co/ORG/REPO/FILE" downloads a file',
};

/** Their commands. */
const commands: Readonly<Record<string, string>> = {
  stop: 'a model is unloaded after --keep-alive of "ssd-llm serve", or by a request with "keep_alive": 0; Ctrl-C ends the server',
  unload: 'a model is unloaded after --keep-alive of "ssd-llm serve", or by a request with "keep_alive": 0',
  load: '"ssd-llm run MODEL" and requests to "ssd-llm serve" load a model by themselves',
  push: 'models are sent nowhere',
  signin: 'there is no account; HF_TOKEN opens repositories that are not open to everybody',
  signout: 'there is no account',
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
const inCommand: Readonly<Record<string, string>> = { 'serve -p': 'the port is --port' };

/** A word that can only be a model. */
const isModel = (word: string): boolean => /[/\\:]|\.gguf$/i.test(word);

/** The hint for a command line in the ways of other programs, which begins with its command; undefined if there is none. */
export function hintFor(argv: readonly string[], own: readonly string[] = []): string | undefined {
  const [command = ''] = argv;
  if (!own.includes(command)) {
    if (Object.hasOwn(commands, command)) return `${command}: ${commands[command]}`;
    if (isModel(command)) return `a model stands behind a command: ssd-llm run ${argv.join(' ')}`;
  }
  const end = argv.indexOf('--');
  const given = (end < 0 ? argv : argv.slice(0, end)).map((word) => word.replace(/=.*$/s, ''));
  const special = given.find((word) => Object.hasOwn(inCommand, `${command} ${word}`));
  if (special !== undefined) return `${special}: ${inCommand[`${command} ${special}`]}`;
  const flag = given.find((word) => /^--?[a-z]/i.test(word) && Object.hasOwn(flags, plain(word)));
  if (flag !== undefined) return `${flag}: ${flags[plain(flag)]}`;
  return command.startsWith('-') ? 'a command comes first: ssd-llm run MODEL, or ssd-llm serve' : undefined;
}

/** "--n_gpu_layers" -> "n-gpu-layers". */
const plain = (flag: string): string => flag.replace(/^-+/, '').replaceAll('_', '-').toLowerCase();
