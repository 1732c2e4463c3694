// A model that calls a function, and answers with what it gives. node examples/tools.mjs MODEL.gguf
import { Model } from 'ssd-llm';

const weather = {
  name: 'weather',
  description: 'The weather in a city',
  parameters: {
    type: 'object',
    properties: { city: { enum: ['Oslo', 'Rome'] } },
    required: ['city'],
    additionalProperties: false,
  },
};

const [path = 'model.gguf'] = process.argv.slice(2);
const model = Model.open(path, { memoryBudget: 512 * 2 ** 20 });
try {
  const question = { role: 'user', content: 'How is the weather in Rome?' };
  // The arguments obey the schema, whatever the model is.
  const call = /** @type {const} */ ({ tools: [weather], toolChoice: 'required', parallelToolCalls: false });
  const asked = model.generate({ messages: [question], ...call }, { temperature: 0 });
  /** @type {{ id: string, name: string, arguments: string }[]} */
  const toolCalls = [];
  for await (const piece of asked) {
    for (const { index, id = '', name = '', arguments: part } of piece.toolCalls ?? []) {
      toolCalls[index] ??= { id, name, arguments: '' };
      toolCalls[index].arguments += part;
    }
  }
  /** @type {import("ssd-llm").Message[]} */
  const messages = [question, { role: 'assistant', content: '', toolCalls }];
  for (const { id, name, arguments: given } of toolCalls) {
    const { city } = JSON.parse(given);
    console.log(`${name}: ${city}`);
    messages.push({ role: 'tool', toolCallId: id, toolName: name, content: `sunny in ${city}, 21 degrees` });
  }
  const answer = model.generate({ messages, tools: [weather], toolChoice: 'none' }, { maxTokens: 48, temperature: 0 });
  for await (const { text } of answer) process.stdout.write(text);
  console.log();
} finally {
  await model.close();
}
