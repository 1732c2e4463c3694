import { loadLlama } from '../../src/ggml/llama.ts';

/** The tokens that libllama gives for a text as a whole. */
export function wholeTokens(file: string, text: string, addSpecial = false): readonly number[] {
  const llama = loadLlama();
  const model = llama.loadVocabularyModel(file, 'own');
  const bytes = Buffer.from(text);
  const tokens = new Int32Array(bytes.length + 4);
  const vocab = llama.llama_model_get_vocab(model);
  const count = llama.llama_tokenize(vocab, bytes, bytes.length, tokens, tokens.length, addSpecial, true);
  llama.llama_model_free(model);
  return [...tokens.subarray(0, count)];
}
