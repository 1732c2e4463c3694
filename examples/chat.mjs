// A conversation of two turns: the second computes only what is new. node examples/chat.mjs MODEL.gguf
import { Model } from 'ssd-llm';

const [path = 'model.gguf'] = process.argv.slice(2);
const model = Model.open(path, { memoryBudget: 512 * 2 ** 20 });
try {
  const messages = [];
  for (const question of ['Why is the sky blue?', 'Say it in five words.']) {
    messages.push({ role: 'user', content: question });
    const answer = model.generate(messages, { maxTokens: 64, temperature: 0 });
    let text = '';
    for await (const piece of answer) {
      process.stdout.write(piece.text);
      text += piece.text;
    }
    messages.push({ role: 'assistant', content: text });
    const { prefill, decode } = answer.stats ?? {};
    console.log(`\n(${prefill?.cached} tokens were there, ${decode?.tokens_per_s.toFixed(1)} tokens/s)`);
  }
} finally {
  await model.close();
}
