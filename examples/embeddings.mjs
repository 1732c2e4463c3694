// The texts that mean most alike, by their embeddings. node examples/embeddings.mjs MODEL.gguf
import { Model } from 'ssd-llm';

/** The cosine of two vectors of length 1. */
const cosine = (/** @type {Float32Array} */ a, /** @type {Float32Array} */ b) =>
  a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

const [path = 'model.gguf'] = process.argv.slice(2);
const model = Model.open(path, { memoryBudget: 512 * 2 ** 20 });
try {
  const texts = ['a plum', 'a pear', 'the price of steel'];
  const { vectors } = await model.embed(['a ripe fruit', ...texts]);
  const [query, ...others] = vectors;
  const scores = others.map((vector, i) => ({ text: texts[i], score: query ? cosine(query, vector) : 0 }));
  for (const { text, score } of scores.sort((a, b) => b.score - a.score)) console.log(score.toFixed(3), text);
} finally {
  await model.close();
}
