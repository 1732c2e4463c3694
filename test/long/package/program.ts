/** A program of somebody who has read docs/library.md, with most of what the package exports. It is compiled, and not run. */
import {
  EngineError,
  type GenerateOptions,
  type Message,
  Model,
  type ModelOptions,
  type Piece,
  type Plan,
} from 'ssd-llm';

const options: ModelOptions = {
  memoryBudget: 400 * 2 ** 20,
  context: 512,
  loras: [{ path: 'style.gguf', scale: 0.5 }],
};
const [, , path = 'model.gguf'] = process.argv;
const model = Model.open(path, options);
try {
  const plan: Plan = await model.load();
  console.log(plan.shares.resident, plan.bytesPerPass);
  const messages: Message[] = [{ role: 'user', content: 'Name a fruit.' }];
  const settings: GenerateOptions = { maxTokens: 8, temperature: 0, signal: AbortSignal.timeout(60_000) };
  const answer = model.generate(messages, settings);
  const pieces: Piece[] = [];
  for await (const piece of answer) pieces.push(piece);
  console.log(answer.stopReason, answer.stats?.decode.tokens_per_s, pieces.at(-1)?.text);
  const { vectors } = await model.embed(['a plum', 'a pear']);
  console.log(vectors[0]?.length);
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  if (error.code === 'BUDGET_TOO_SMALL') console.error(error.message, error.details);
} finally {
  await model.close();
}
