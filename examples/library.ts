// Answers one question with a model that need not fit in the budget: tsx examples/library.ts MODEL.gguf
import { Model } from 'ssd-llm';

const [path = 'model.gguf'] = process.argv.slice(2);
await using model = Model.open(path, { memoryBudget: 512 * 2 ** 20 });
const answer = model.generate([{ role: 'user', content: 'Why is the sky blue?' }], { maxTokens: 64, temperature: 0 });
for await (const { text } of answer) process.stdout.write(text);
process.stdout.write(`\n(${answer.stats?.decode.tokens_per_s.toFixed(1)} tokens/s, ${answer.stopReason})\n`);
