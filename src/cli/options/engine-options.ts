import { type RopeScaling, ropeRanges, ropeScalings } from '../../arch/rope.ts';
import { namedTemplates } from '../../chat/named-templates.ts';
import { deviceKinds } from '../../ggml/device.ts';
import { type KvHomeOption, type KvType, kvHomeOptions, kvTypes } from '../../plan/kv-options.ts';
import type { LoraOption } from '../../runtime/lora-adapters.ts';
import type { GraphChoice } from '../../runtime/model-outline.ts';
import type { DeviceChoice } from '../../runtime/open-device.ts';
import type { Kernels } from '../../runtime/planner.ts';
import type { CommandName, OptionSpecs } from './option-spec.ts';
import { adapters, auto, named, oneOf, real, size, sizeOrNone, sizeOrShare, truth, whole } from './schemas.ts';

/** Settings of an engine. Undefined values are chosen. */
export interface EngineSettings {
  /** Bytes of the budget. */
  readonly memoryBudget?: number | undefined;
  /** Tokens of the context. */
  readonly ctx?: number | undefined;
  readonly kvType: KvType;
  /** Tokens of the window. */
  readonly slidingWindow?: number | undefined;
  /** Tokens at the begin of a text that are always seen. */
  readonly sinkTokens?: number | undefined;
  readonly kvHome: KvHomeOption;
  /** A folder for keys and values. */
  readonly kvDir?: string | undefined;
  /**
   * Changes to the model's rotation: factor by which its context is stretched, the way, and the base of frequencies.
   */
  readonly ropeScale?: number | undefined;
  readonly ropeScaling?: RopeScaling | undefined;
  readonly ropeBase?: number | undefined;
  /** Adapters, all of which are applied. */
  readonly lora: readonly LoraOption[];
  /** Name or file of a chat template. */
  readonly chatTemplate?: string | undefined;
  readonly draftNgram: boolean;
  /** A GGUF file of the draft model. */
  readonly draftModel?: string | undefined;
  /** The most draft tokens in a pass. */
  readonly draftAhead?: number | undefined;
  readonly adaptiveDraft: boolean;
  /** The device that computes. */
  readonly device: DeviceChoice;
  /** Bytes of a card's own memory. */
  readonly gpuMemory?: number | undefined;
  readonly threads?: number | undefined;
  readonly kernels: Kernels;
  readonly graphs: GraphChoice;
  /** Bytes. */
  readonly expertCache?: number | undefined;
  /** Bytes, 0 for none. A server keeps some by default; other commands keep none. */
  readonly promptCache?: number | 'auto' | undefined;
  /** A folder for kept prompts. */
  readonly promptCacheDir?: string | undefined;
}

const planning: readonly CommandName[] = ['run', 'chat', 'embed', 'serve', 'info', 'bench'];
/** Commands that draft tokens: embeddings have none. */
const drafting: readonly CommandName[] = ['run', 'chat', 'serve', 'bench'];
const caching: readonly CommandName[] = ['run', 'chat', 'serve'];

/** Tokens of the longest context, 2^24: positions are float32 where they are rotated. */
const mostTokens = 2 ** 24;

export const engineOptions: OptionSpecs<EngineSettings> = {
  memoryBudget: {
    flags: '-m, --memory-budget <size>',
    unit: 'bytes',
    help: 'memory for everything: 8G, 1.5G, 512M, bytes, 50% of the memory, or auto',
    schema: auto(sizeOrShare),
    byDefault: 'auto, most of what is free',
    commands: [...planning, 'list', 'pull'],
    variables: ['SSD_LLM_MEMORY_BUDGET'],
  },
  ctx: {
    option: 'context',
    flags: '-c, --ctx <tokens>',
    help: 'context length',
    schema: auto(whole('a number of tokens', 1, mostTokens)),
    byDefault: 'auto, up to 4096, or what the prompt needs',
    words: { serve: { byDefault: 'auto, up to 4096, and more for a request that wants it' } },
    commands: [...planning, 'pull'],
    variables: ['SSD_LLM_CTX'],
  },
  kvType: {
    option: 'kv.type',
    flags: '--kv-type <type>',
    help: 'what keys and values are stored as: f16, q8_0 (half of it) or q4_0 (a quarter)',
    schema: oneOf(kvTypes),
    default: 'f16',
    commands: planning,
    variables: ['SSD_LLM_KV_TYPE'],
  },
  slidingWindow: {
    option: 'kv.window.tokens',
    flags: '--sliding-window <tokens>',
    help: 'see and keep only the last tokens of a text, which may then grow beyond the context',
    schema: whole('a number of tokens', 1, mostTokens).optional(),
    commands: planning,
    variables: ['SSD_LLM_SLIDING_WINDOW'],
  },
  sinkTokens: {
    option: 'kv.window.sinks',
    flags: '--sink-tokens <n>',
    help: 'the first tokens of a text, kept beside the window',
    schema: whole('a number of tokens', 0, 256).optional(),
    byDefault: '4',
    commands: planning,
    variables: ['SSD_LLM_SINK_TOKENS'],
  },
  kvHome: {
    flags: '--kv-home <home>',
    help: 'where keys and values live: ram, ssd, or auto, the SSD for what does not fit',
    schema: oneOf(kvHomeOptions),
    default: 'auto',
    commands: planning,
    variables: ['SSD_LLM_KV_HOME'],
    aliases: [{ flags: '--mmap-kv', value: 'ssd', help: 'the same as --kv-home ssd' }],
  },
  kvDir: {
    flags: '--kv-dir <dir>',
    help: 'a folder on the SSD for them',
    schema: named('a folder').optional(),
    byDefault: "the user's cache",
    commands: planning,
    variables: ['SSD_LLM_KV_DIR'],
    isPath: true,
  },
  ropeScale: {
    option: 'rope.scale',
    flags: '--rope-scale <n>',
    help: 'times that the context is stretched',
    schema: auto(real(ropeRanges.scale, ropeRanges.scale.expected)),
    byDefault: 'as the model says',
    commands: planning,
    variables: ['SSD_LLM_ROPE_SCALE'],
  },
  ropeScaling: {
    option: 'rope.scaling',
    flags: '--rope-scaling <kind>',
    help: 'how it is stretched: none, linear or yarn',
    schema: auto(oneOf(ropeScalings)),
    byDefault: 'as the model says, else linear',
    commands: planning,
    variables: ['SSD_LLM_ROPE_SCALING'],
  },
  ropeBase: {
    option: 'rope.base',
    flags: '--rope-base <b>',
    help: "base of rope's frequencies",
    schema: auto(real(ropeRanges.base, ropeRanges.base.expected)),
    byDefault: 'as the model says',
    commands: planning,
    variables: ['SSD_LLM_ROPE_BASE'],
  },
  lora: {
    option: 'loras',
    flags: '--lora <file[=scale]>',
    help: 'a LoRA adapter (GGUF) that is applied, with a scale; may be given more than once',
    schema: adapters,
    default: [],
    byDefault: 'none; without a scale, 1',
    commands: planning,
    variables: ['SSD_LLM_LORA'],
    isPath: true,
    repeats: true,
  },
  chatTemplate: {
    flags: '--chat-template <file>',
    help: `a chat template, Jinja, in place of the model's own: a file, or ${Object.keys(namedTemplates).join(', ')}`,
    schema: named('a file or a name').optional(),
    commands: caching,
    variables: ['SSD_LLM_CHAT_TEMPLATE'],
  },
  draftNgram: {
    flags: '--draft-ngram',
    help: 'draft tokens by what followed earlier in the text, so that a pass yields several',
    schema: truth,
    default: false,
    commands: drafting,
    variables: ['SSD_LLM_DRAFT_NGRAM'],
  },
  draftModel: {
    flags: '--draft-model <model>',
    help: 'a small model with the same vocabulary that drafts tokens: a name or a GGUF file',
    schema: named('a name or a GGUF file').optional(),
    commands: drafting,
    variables: ['SSD_LLM_DRAFT_MODEL'],
    isPath: true,
  },
  draftAhead: {
    option: 'draft.ahead',
    flags: '--draft-ahead <n>',
    help: 'the most draft tokens in a pass',
    schema: auto(whole('a number of tokens', 1, 64)),
    byDefault: '15',
    commands: drafting,
    variables: ['SSD_LLM_DRAFT_AHEAD'],
  },
  adaptiveDraft: {
    flags: '--adaptive-draft',
    help: 'draft as many tokens as pay, by what passes take and how many are accepted',
    schema: truth,
    default: true,
    commands: drafting,
    variables: ['SSD_LLM_ADAPTIVE_DRAFT'],
    aliases: [{ flags: '--no-adaptive-draft', value: false, help: 'draft as many as there is room for' }],
  },
  device: {
    flags: '--device <kind>',
    help: 'the device that computes: cpu, metal, vulkan, cuda, or auto, one that "ssd-llm devices" lists if the model gains by it',
    schema: oneOf(['auto', ...deviceKinds]),
    default: 'auto',
    commands: planning,
    variables: ['SSD_LLM_DEVICE'],
  },
  gpuMemory: {
    flags: '--gpu-memory <size>',
    unit: 'bytes',
    help: "memory of a card that has its own, beside --memory-budget for the process's",
    schema: auto(size),
    byDefault: 'auto, most of what is free there',
    commands: planning,
    variables: ['SSD_LLM_GPU_MEMORY'],
  },
  threads: {
    flags: '-t, --threads <n>',
    help: 'threads that share each matrix product',
    schema: auto(whole('a number of threads', 1, 512)),
    byDefault: 'auto, one per core',
    commands: planning,
    variables: ['SSD_LLM_THREADS', 'SSD_LLM_TENSOR_PARALLEL'],
    aliases: [{ flags: '--tensor-parallel <n>' }],
  },
  kernels: {
    flags: '--kernels <kind>',
    help: 'auto: the fastest; plain: the same bits at every budget',
    schema: oneOf(['auto', 'plain']),
    default: 'auto',
    commands: planning,
    variables: ['SSD_LLM_KERNELS'],
  },
  graphs: {
    flags: '--graphs <kind>',
    help: "who builds the model's graphs: own (its families: llama, qwen2, qwen3, gemma3, phi3), libllama, or auto, own where there are some",
    schema: oneOf(['auto', 'own', 'libllama']),
    default: 'auto',
    commands: planning,
    variables: ['SSD_LLM_GRAPHS'],
  },
  expertCache: {
    flags: '--expert-cache <size>',
    unit: 'bytes',
    help: 'memory for experts, at least one of each layer',
    schema: auto(size),
    byDefault: 'auto, what the other weights leave',
    commands: planning,
    variables: ['SSD_LLM_EXPERT_CACHE'],
  },
  promptCache: {
    option: 'promptCache.bytes',
    flags: '--prompt-cache [size]',
    unit: 'bytes',
    help: 'keep what is computed of the prompt on disk, for later ones that begin alike; no more than this size',
    schema: sizeOrNone.optional(),
    byDefault: 'none; without a size, 8G',
    words: {
      serve: {
        help: 'memory for what was computed of earlier prompts',
        byDefault: 'auto, a little of the budget',
      },
    },
    commands: caching,
    variables: ['SSD_LLM_PROMPT_CACHE'],
  },
  promptCacheDir: {
    flags: '--prompt-cache-dir <dir>',
    help: 'a folder that keeps it',
    schema: named('a folder').optional(),
    byDefault: 'prompts in the cache folder',
    words: { serve: { help: 'a folder that keeps it when the server ends', byDefault: 'nowhere' } },
    commands: caching,
    variables: ['SSD_LLM_PROMPT_CACHE_DIR'],
    isPath: true,
  },
};
