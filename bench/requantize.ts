import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import koffi, { type KoffiFunc } from 'koffi';
import { loadGgml } from '../src/ggml/api.ts';
import { loadLibraries } from '../src/ggml/library.ts';
import { silenceLog } from '../src/ggml/log.ts';

type Params = Readonly<Record<string, unknown>>;

/** libllama's numbers for kinds of files (LLAMA_FTYPE_…). */
const fileTypes = { q4_0: 2, q8_0: 7, q2_k: 10, q3_k_m: 12, q4_k_m: 15 } as const;
type FileType = keyof typeof fileTypes;

/**
 * Quantizes a GGUF file with libllama's quantizer. Rows that are no multiple of a type's block get the type that the
 * quantizer falls back to.
 */
export function requantize(from: string, to: string, type: FileType): void {
  loadGgml();
  silenceLog();
  const { llama } = loadLibraries();
  const params = koffi.struct('llama_model_quantize_params', {
    nthread: 'int32_t',
    ftype: 'int',
    output_tensor_type: 'int',
    token_embedding_type: 'int',
    allow_requantize: 'bool',
    quantize_output_tensor: 'bool',
    only_copy: 'bool',
    pure: 'bool',
    keep_split: 'bool',
    dry_run: 'bool',
    imatrix: 'void *',
    kv_overrides: 'void *',
    tt_overrides: 'void *',
    prune_layers: 'void *',
    max_buf_size: 'size_t',
  });
  const defaults = llama.func('llama_model_quantize_default_params', params, []) as KoffiFunc<() => Params>;
  const quantize = llama.func(
    'uint32_t llama_model_quantize(const char *, const char *, const llama_model_quantize_params *)',
  ) as KoffiFunc<(from: string, to: string, params: Params) => number>;
  const failed = quantize(from, to, { ...defaults(), ftype: fileTypes[type], allow_requantize: true });
  if (failed !== 0) throw new Error(`cannot quantize ${from}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  new Command('requantize')
    .description("quantize a GGUF file with libllama's quantizer: a cheaper draft model")
    .argument('<source>', 'GGUF file')
    .argument('<out>', 'file to write')
    .addOption(new Option('--type <type>', 'kind of file').choices(Object.keys(fileTypes)).default('q2_k'))
    .action((source: string, out: string, { type }: { type: FileType }) => requantize(source, out, type))
    .parse();
}
