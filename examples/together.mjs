// Several answers at once, which share each pass over the weights. node examples/together.mjs MODEL.gguf
import { Model } from 'ssd-llm';

const [path = 'model.gguf'] = process.argv.slice(2);
const model = Model.open(path, { memoryBudget: 512 * 2 ** 20, context: 512, parallel: 4 });
const stopped = new AbortController();
process.once('SIGINT', () => stopped.abort());
try {
  const colours = ['red', 'green', 'blue', 'yellow'];
  const answers = colours.map(async (colour) => {
    const question = `Name a fruit that is ${colour}.`;
    const options = { maxTokens: 16, temperature: 0, signal: stopped.signal };
    let text = '';
    for await (const piece of model.generate([{ role: 'user', content: question }], options)) text += piece.text;
    return `${question} ${text}`;
  });
  for (const answer of await Promise.all(answers)) console.log(answer);
} finally {
  await model.close();
}
