import assert from 'node:assert/strict';
import { Ollama } from 'ollama';
import {
  base,
  citySchema,
  isAda,
  isBlue,
  isVector,
  isWarm,
  model,
  personSchema,
  question,
  run,
  weather,
} from './feature.mjs';

const ollama = new Ollama({ host: base });
const user = (content) => [{ role: 'user', content }];
const tools = [
  { type: 'function', function: { name: 'get_weather', description: 'The weather', parameters: citySchema } },
];

await run({
  async chat() {
    isBlue((await ollama.chat({ model, messages: user(question) })).message.content);
  },
  async stream() {
    let text = '';
    for await (const part of await ollama.chat({ model, messages: user(question), stream: true }))
      text += part.message.content;
    isBlue(text);
  },
  async tools() {
    const messages = user(weather);
    const { message } = await ollama.chat({ model, messages, tools });
    assert.deepEqual(message.tool_calls[0].function.arguments, { city: 'Paris' });
    messages.push(message, { role: 'tool', tool_name: 'get_weather', content: '21 degrees' });
    isWarm((await ollama.chat({ model, messages, tools })).message.content);
  },
  async structured() {
    const { message } = await ollama.chat({ model, messages: user('Who?'), format: personSchema });
    isAda(JSON.parse(message.content));
  },
  async thinking() {
    const { message } = await ollama.chat({ model, messages: user(question), think: true });
    assert.ok(message.thinking);
    isBlue(message.content);
  },
  async embeddings() {
    isVector((await ollama.embed({ model, input: 'a' })).embeddings[0]);
  },
});
