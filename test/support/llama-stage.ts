import { loadLibraries, type Pointer } from '../../src/ggml/library.ts';
import { loadLlama, type TokenDataArray } from '../../src/ggml/llama.ts';
import { NativeArray } from '../../src/ggml/native-array.ts';

// llama_token_data: id (int32), logit (float32), p (float32)
const candidateWords = 3;

interface Candidate {
  readonly token: number;
  readonly probability: number;
}

/** The candidates that a stage of libllama leaves of logits: it is made by a function of this signature. */
export function llamaStage(logits: Float32Array, signature: string, args: readonly number[]): readonly Candidate[] {
  const stage = (loadLibraries().llama.func(signature) as (...given: readonly number[]) => Pointer)(...args);
  using candidates = new NativeArray(logits.length * candidateWords * 4);
  const { int32, float32, address } = candidates;
  logits.forEach((logit, id) => {
    int32[id * candidateWords] = id;
    float32[id * candidateWords + 1] = logit;
  });
  const array: TokenDataArray = { data: address, size: logits.length, selected: -1, sorted: false };
  loadLlama().llama_sampler_apply(stage, array);
  loadLlama().llama_sampler_free(stage);
  return Array.from({ length: array.size }, (_, i) => ({
    token: int32[i * candidateWords] ?? -1,
    probability: float32[i * candidateWords + 2] ?? Number.NaN,
  }));
}
