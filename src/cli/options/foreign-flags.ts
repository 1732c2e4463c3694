/** Flags of llama.cpp and Ollama, and what there is here in their place. */
const flags: Readonly<Record<string, string>> = {
  '--model': 'a model is named without an option: ssd-llm run MODEL',
  '-ngl': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  '--n-gpu-layers': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  '--gpu-layers': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  '-ot': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  '--override-tensor': 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory',
  '--n-cpu-moe': 'experts are kept as the memory budget (-m) allows; --expert-cache bounds them',
  '--cpu-moe': 'experts are kept as the memory budget (-m) allows; --expert-cache bounds them',
  '--mmap': 'weights are read by this program itself, within the memory budget (-m)',
  '--no-mmap': 'weights are read by this program itself, within the memory budget (-m)',
  '--mlock': 'the memory budget (-m) decides what stays in memory',
  '--ctx-size': 'the context is --ctx',
  '--num-ctx': 'the context is --ctx',
  '--num_ctx': 'the context is --ctx',
  '--n-predict': 'the longest answer is --max-tokens (-n)',
  '--predict': 'the longest answer is --max-tokens (-n)',
  '--num-predict': 'the longest answer is --max-tokens (-n)',
  '--num_predict': 'the longest answer is --max-tokens (-n)',
  '--temp': 'randomness is --temperature',
  '-ctk': 'keys and values are stored as --kv-type says',
  '--cache-type-k': 'keys and values are stored as --kv-type says',
  '-ctv': 'keys and values are stored as --kv-type says',
  '--cache-type-v': 'keys and values are stored as --kv-type says',
  '-md': 'a draft model is --draft-model',
  '--model-draft': 'a draft model is --draft-model',
  '-np': 'requests at once are --parallel',
  '-cnv': 'ssd-llm chat MODEL talks',
  '--conversation': 'ssd-llm chat MODEL talks',
  '-sys': 'instructions are --system',
  '--system-prompt': 'instructions are --system',
  '-hf': 'a model is named without an option, as "ssd-llm list" shows it',
  '--hf-repo': 'a model is named without an option, as "ssd-llm list" shows it',
  '-fa': 'flash attention is always on',
  '--flash-attn': 'flash attention is always on',
  '--keepalive': 'how long a model stays loaded is --keep-alive, of ssd-llm serve',
  '--format': 'an answer in JSON is --json-mode, one of a schema --json-schema',
  '--nowordwrap': 'lines are not wrapped',
  '--hidethinking': 'thoughts are shown on a terminal only; --no-think leaves them out',
};

/** The hint for the first flag of other programs on a command line; undefined if there is none. */
export function hintFor(argv: readonly string[]): string | undefined {
  const end = argv.indexOf('--');
  const given = (end < 0 ? argv : argv.slice(0, end)).map((word) => word.replace(/=.*$/s, ''));
  const flag = given.find((word) => Object.hasOwn(flags, word));
  return flag === undefined ? undefined : `${flag}: ${flags[flag]}`;
}
