const budget = 'nothing has to be placed by hand: the memory budget (-m) decides what stays in memory';
const pulled = '"ssd-llm pull hf.co/ORG/REPO:QUANT" downloads a model, "ssd-llm run ORG/REPO" runs it';
const textsAlone = 'models take and give texts alone: no images, sound or video';
const drafting = 'a draft model has the threads, the device and a share of the budget of the model that it drafts for';
const draftModel = 'a draft model is --draft-model';
const ngrams = '--draft-ngram drafts by what followed earlier in the text';

/** Flags of llama.cpp, Ollama and LM Studio without their dashes, and what there is here in their place. */
const groups: readonly (readonly [answer: string, flags: string])[] = [
  ['a model is named without an option: ssd-llm run MODEL', 'model'],
  [
    budget,
    `ngl n-gpu-layers gpu-layers num-gpu n-gpu gpu-offload ot override-tensor n-cpu-ffn ncffn ts tensor-split
    sm split-mode mg main-gpu mlock kvo kv-offload nkvo no-kv-offload op-offload no-op-offload nopo no-host
    fit fitt fit-target fitc fit-ctx`,
  ],
  ['experts are kept as the memory budget (-m) allows; --expert-cache bounds them', 'n-cpu-moe ncmoe cpu-moe cmoe'],
  [
    'weights are read by this program itself, within the memory budget (-m)',
    'mmap no-mmap mmp dio direct-io ndio no-direct-io lm load-mode lzm lazy-mode',
  ],
  ['which kernels compute is --kernels', 'repack no-repack nr'],
  ['the context is --ctx', 'ctx-size num-ctx context-length max-model-len'],
  ['the longest answer is --max-tokens (-n)', 'n-predict predict num-predict'],
  ['keys and values are stored as --kv-type says', 'ctk cache-type-k ctv cache-type-v kv-cache-type'],
  ['flash attention is always on', 'fa flash-attn'],
  [
    'keys and values lie as the memory budget (-m) allows',
    'kvu kv-unified no-kvu no-kv-unified kv-unified-per-slot dt defrag-thold swa-full',
  ],
  ['threads are --threads', 'num-thread tb threads-batch threads-http'],
  [
    "how many threads there are is --threads; where they run is the system's to say (taskset, nice, numactl)",
    `C Cr Cb Crb cpu-mask cpu-range cpu-strict prio poll cpu-mask-batch cpu-range-batch cpu-strict-batch prio-batch
    poll-batch numa`,
  ],
  ['a prompt is computed in parts as large as the memory budget (-m) allows', 'b batch-size ub ubatch-size'],
  [
    'the device is --device, which "ssd-llm devices" lists; the memory budget (-m) decides what stays in memory',
    'gpu dev',
  ],
  ['"ssd-llm devices" lists what can compute', 'list-devices'],
  ['one machine computes', 'rpc'],
  [draftModel, 'md model-draft spec-draft-model hfd hfrd hf-repo-draft spec-draft-hf mtp dflash eagle3'],
  [
    '--draft-ahead bounds how many tokens are drafted; how many of them pay is measured',
    `draft draft-n draft-max draft-min draft-n-min draft-p-min draft-p-split spec-draft-n-max spec-draft-n-min
    spec-draft-p-min spec-draft-p-split spec-synth-len spec-synth-rates`,
  ],
  [ngrams, 'spec-type spec-default lcs lookup-cache-static lcd lookup-cache-dynamic'],
  [drafting, 'td tbd ctkd ctvd otd cmoed ncmoed devd ngld Cd Crd Cbd Crbd'],
  ['requests at once are --parallel', 'np'],
  ['requests share passes always', 'cb cont-batching nocb no-cont-batching'],
  ['ssd-llm chat MODEL talks', 'cnv conversation i interactive if interactive-first mli multiline-input'],
  [
    'ssd-llm run MODEL answers once; --raw sends the prompt without a chat template',
    'no-cnv no-conversation st single-turn',
  ],
  ['instructions are --system', 'sys system-prompt'],
  ['instructions are a text: --system "$(cat FILE)"', 'sysf system-prompt-file'],
  ['a prompt may come from a file: ssd-llm run MODEL < FILE', 'f file bf binary-file'],
  ['a template is --chat-template, by its file or its name', 'chat-template-file'],
  [
    'the chat template says what stands around a prompt; --chat-template gives another',
    'in-prefix in-prefix-bos in-suffix',
  ],
  ['chat templates are always used; --raw sends a prompt as it is', 'jinja no-jinja'],
  ['a request may have "chat_template_kwargs"; --think says how a model thinks', 'chat-template-kwargs'],
  ['thoughts, text and calls of tools always come apart', 'skip-chat-parsing no-skip-chat-parsing reasoning-format'],
  ['a last message of the assistant is always gone on with', 'prefill-assistant no-prefill-assistant'],
  [
    '--think says whether a model thinks, or how much; --think-budget how long',
    'rea reasoning reasoning-effort reasoning-budget reasoning-budget-message reasoning-preserve no-reasoning-preserve',
  ],
  ['thoughts are shown on a terminal only; --no-think leaves them out', 'hidethinking'],
  ['an answer in JSON is --json-mode, one of a schema --json-schema', 'format'],
  ['a grammar is --grammar, by its file', 'grammar-file'],
  ['a schema is --json-schema, by its file', 'j jf json-schema-file'],
  ['randomness is --temperature', 'temp'],
  ['the seed is --seed', 's'],
  ['a text that ends the answer is --stop', 'r reverse-prompt'],
  ['this is --top-n-sigma', 'top-nsigma'],
  ['this is --typical', 'typical-p'],
  [
    'samplers have one order; those are used whose options are given',
    'samplers sampler-seq sampling-seq bs backend-sampling',
  ],
  ['--mirostat keeps the surprise of tokens near a target', 'adaptive-target adaptive-decay'],
  ['requests to "ssd-llm serve" may have "logit_bias" and "ignore_eos"', 'l logit-bias ignore-eos'],
  ["a prompt is taken as it is; a shell writes a line break as $'\\n'", 'e escape no-escape'],
  ['control tokens are not printed; --parse-special reads their names', 'sp special'],
  ['the base is --rope-base', 'rope-freq-base'],
  ['--rope-scale is how often the context is stretched: 4 in place of 0.25', 'rope-freq-scale'],
  [
    'what else YaRN needs comes from the file; --rope-scaling and --rope-scale choose it',
    'yarn-orig-ctx yarn-ext-factor yarn-attn-factor yarn-beta-slow yarn-beta-fast',
  ],
  [
    '--sliding-window and --sink-tokens let a text grow beyond the context',
    'gan grp-attn-n gaw grp-attn-w keep context-shift no-context-shift',
  ],
  [
    'what was computed of earlier prompts is kept by --prompt-cache and --prompt-cache-dir',
    `cram cache-ram ctxcp ctx-checkpoints swa-checkpoints cms checkpoint-min-step cache-prompt no-cache-prompt cache-reuse
    cache-idle-slots no-cache-idle-slots sps slot-prompt-similarity slot-save-path prompt-cache-all prompt-cache-ro`,
  ],
  ['a scale stands behind the adapter: --lora FILE=0.5', 'lora-scaled'],
  ['requests scale adapters: "lora", and /lora-adapters', 'lora-init-without-apply'],
  [
    'there are no control vectors; --lora applies adapters',
    'control-vector control-vector-scaled control-vector-layer-range',
  ],
  [
    'metadata count as the file has them; --ctx, --rope-scale, --chat-template and the like are over them',
    'override-kv',
  ],
  ['sums are checked when a model is pulled, and damaged weights end an answer with an error', 'check-tensors'],
  [pulled, 'hf hfr hf-repo'],
  ['"ssd-llm pull hf.co/ORG/REPO/FILE" downloads a file', 'hff hf-file'],
  ['"ssd-llm pull URL" downloads a model', 'mu model-url'],
  ['HF_TOKEN opens repositories that are not open to everybody', 'hft hf-token'],
  [
    '"ssd-llm pull" takes repositories of Hugging Face, URLs, and names of registries of Ollama\'s kind',
    'dr docker-repo',
  ],
  ['only "ssd-llm pull" and /api/pull download anything', 'offline'],
  ['"ssd-llm list" shows the models that there are', 'cl cache-list'],
  ['how long a model stays loaded is --keep-alive, of ssd-llm serve', 'keepalive sleep-idle-seconds'],
  ['nothing is warmed up: --verbose and "ssd-llm bench" tell the time of a cold start', 'warmup no-warmup'],
  ['--verbose prints timings', 'perf no-perf show-timings no-show-timings ptc print-token-count verbose-prompt'],
  ['the answer alone is printed', 'display-prompt no-display-prompt'],
  ['an answer goes to stdout: > FILE', 'o output output-file'],
  ['lines are not wrapped where they go to no terminal', 'nowordwrap'],
  ['there are colours at a terminal only', 'co color simple-io log-colors'],
  [
    '--log-level and --log-format of "ssd-llm serve" say what is logged to stderr, and how: 2> FILE',
    `log-disable log-file log-prefix no-log-prefix log-timestamps no-log-timestamps log-prompts-dir lv verbosity
    log-verbosity log-verbose`,
  ],
  ['a model is called by any of its names; "ssd-llm cp MODEL NAME" gives another one', 'a alias tags'],
  [
    'every model that can makes embeddings: /v1/embeddings, and ssd-llm embed',
    'embd embedding embeddings embd-gemma-default',
  ],
  ['embeddings are pooled as their model wants it, and have length 1', 'pooling attention embd-normalize'],
  ['what is printed of embeddings is --format, of ssd-llm embed', 'embd-output-format embd-separator cls-separator'],
  ['every model that can ranks texts: /v1/rerank', 'rerank reranking'],
  ['"suffix" in requests, and /infill, fill in between two texts', 'spm-infill'],
  ['a model is used as it is quantized: pull one that is as you want it', 'q quantize'],
  [
    'web pages that may ask are --origins',
    'cors-origins cors-methods cors-headers cors-credentials no-cors-credentials',
  ],
  [
    'the page is at /ui; --no-ui turns it off',
    'webui no-webui path ui-config webui-config ui-config-file webui-config-file',
  ],
  [
    'tools are called by clients: requests have "tools"',
    `tools tools-runtime mcp-servers-config mcp-servers-json ag agent no-ag no-agent ui-mcp-proxy webui-mcp-proxy
    no-ui-mcp-proxy no-webui-mcp-proxy experimental experimental-yolo experimental-websearch`,
  ],
  ['the key is --api-key, or SSD_LLM_API_KEY', 'api-key-file'],
  ['a proxy in front of the server does that', 'api-prefix reuse-port ssl-key-file ssl-cert-file'],
  ['/metrics, /props and /slots are always there', 'metrics props slots no-slots'],
  [
    'clients that wait for nothing make room, and silent streams send comments, by themselves',
    'to timeout sse-ping-interval',
  ],
  ['models are looked for with --models', 'models-dir'],
  [
    'models are loaded as they are asked for, one at a time',
    'models-preset models-max models-autoload no-models-autoload',
  ],
  ['ssd-llm ps --host asks a server; other commands compute themselves', 'server-base'],
  [
    textsAlone,
    `mm mmproj mmu mmproj-url mmproj-auto no-mmproj no-mmproj-auto mmproj-offload no-mmproj-offload image audio video
    image-min-tokens image-max-tokens mtmd-batch-max-tokens media-path video-fps video-timestamp-interval
    video-ffmpeg-dir width height steps negative`,
  ],
  ['eval "$(ssd-llm completion bash)"', 'completion-bash'],
  ['--help shows the options', 'usage'],
  ['ssd-llm --version', 'version'],
  ['how many tokens are decoded is --tokens', 'n-gen'],
  ['how long the prompt is, which is before what is decoded, is --prompt-tokens', 'n-prompt pg d n-depth'],
  ['how often it is measured is --rounds', 'repetitions'],
  ['the report goes to stdout, progress to stderr', 'oe output-err progress delay'],
];

const answers: ReadonlyMap<string, string> = new Map(
  groups.flatMap(([answer, flags]) => flags.split(/\s+/).map((flag) => [flag, answer] as const)),
);

/** Names with a number of kinds. */
const families: readonly (readonly [name: RegExp, answer: string])[] = [
  [/^spec-ngram-/, ngrams],
  [/^(?:no-)?spec-draft-|-draft$/, drafting],
  [/-(?:default|spec)$/, pulled],
];

/**
 * The answer to another program's flag: its place is taken here by that; undefined for a flag that none of those known has.
 * Flags of one dash are as they are written, others in any spelling.
 *
 * @example answerTo('--n_gpu_layers') // 'nothing has to be placed by hand: …'
 */
export function answerTo(flag: string): string | undefined {
  const name = flag.replace(/^--?/, '');
  const plain = flag.startsWith('--') ? name.replaceAll('_', '-').toLowerCase() : name;
  return answers.get(plain) ?? families.find(([pattern]) => pattern.test(plain))?.[1];
}
