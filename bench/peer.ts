/**
 * llama.cpp's side of a comparison, in a process of its own: tsx bench/peer.ts MODEL LOAD THREADS PROMPT TOKENS. Prints
 * one JSON object. LOAD is `mmap` (plain kernels: nothing is copied) or `ram` (its default: repacked kernels).
 */
import { Libllama } from './libllama.ts';

const [, , path = '', load = 'mmap', threads = '1', prompt = '1', tokens = '8'] = process.argv;
const [promptTokens, decodeTokens] = [Number(prompt), Number(tokens)];
const began = performance.now();
const inRam = load === 'ram';
using model = new Libllama(path, {
  context: promptTokens + decodeTokens + 8,
  threads: Number(threads),
  batch: 512,
  load: inRam ? 'read' : 'mmap',
  repack: inRam,
});
const loaded = performance.now();
const token = (i: number): number => (7 * i + 11) % Math.min(model.vocabulary, 1000);
model.decode(
  Array.from({ length: promptTokens }, (_, i) => token(i)),
  'last',
);
const prefilled = performance.now();
const perToken: number[] = [];
for (let i = 0; i < decodeTokens; i += 1) {
  const start = performance.now();
  model.decode([token(i)], 'last');
  perToken.push((performance.now() - start) / 1000);
}
const seconds = perToken.reduce((a, b) => a + b, 0);
const result = {
  load_s: (loaded - began) / 1000,
  prefill: { tokens: promptTokens, seconds: (prefilled - loaded) / 1000 },
  decode: { tokens: decodeTokens, seconds, per_token: perToken },
};
process.stdout.write(`${JSON.stringify(result)}\n`);
