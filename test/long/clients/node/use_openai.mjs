import assert from 'node:assert/strict';
import OpenAI from 'openai';
import {
  apiKey,
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

const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey, maxRetries: 0 });
const user = (content) => [{ role: 'user', content }];
const about = { name: 'get_weather', description: 'The weather', parameters: citySchema, strict: true };
const tools = [{ type: 'function', function: about }];

await run({
  async chat() {
    isBlue((await openai.chat.completions.create({ model, messages: user(question) })).choices[0].message.content);
  },
  async stream() {
    let text = '';
    const chunks = await openai.chat.completions.create({ model, messages: user(question), stream: true });
    for await (const { choices } of chunks) text += choices[0]?.delta.content ?? '';
    isBlue(text);
  },
  async tools() {
    const messages = user(weather);
    const { message } = (await openai.chat.completions.create({ model, messages, tools })).choices[0];
    const [call] = message.tool_calls;
    assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Paris' });
    messages.push(message, { role: 'tool', tool_call_id: call.id, content: '21 degrees' });
    isWarm((await openai.chat.completions.create({ model, messages, tools })).choices[0].message.content);
  },
  async runTools() {
    const run = { ...about, parse: JSON.parse, function: ({ city }) => `21 degrees in ${city}` };
    const runner = openai.chat.completions.runTools({
      model,
      messages: user(weather),
      tools: [{ type: 'function', function: run }],
    });
    isWarm(await runner.finalContent());
  },
  async structured() {
    const format = { type: 'json_schema', json_schema: { name: 'person', strict: true, schema: personSchema } };
    const { choices } = await openai.chat.completions.parse({ model, messages: user('Who?'), response_format: format });
    isAda(JSON.parse(choices[0].message.content));
  },
  async responses() {
    isBlue((await openai.responses.create({ model, input: question })).output_text);
  },
  async streamedResponses() {
    const stream = openai.responses.stream({ model, input: question });
    isBlue((await stream.finalResponse()).output_text);
  },
  async embeddings() {
    isVector((await openai.embeddings.create({ model, input: 'a' })).data[0].embedding);
  },
});
