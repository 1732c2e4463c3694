import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { apiKey, base, citySchema, isBlue, isWarm, model, question, run, weather } from './feature.mjs';

const anthropic = new Anthropic({ baseURL: base, apiKey, maxRetries: 0 });
const given = { model, max_tokens: 4096 };
const tools = [{ name: 'get_weather', description: 'The weather', input_schema: citySchema }];
const user = (content) => [{ role: 'user', content }];

await run({
  async chat() {
    isBlue((await anthropic.messages.create({ ...given, messages: user(question) })).content[0].text);
  },
  async stream() {
    isBlue(await anthropic.messages.stream({ ...given, messages: user(question) }).finalText());
  },
  async tools() {
    const messages = user(weather);
    const { content, stop_reason } = await anthropic.messages.create({ ...given, messages, tools });
    assert.equal(stop_reason, 'tool_use');
    const { id } = content.find(({ type }) => type === 'tool_use');
    messages.push({ role: 'assistant', content });
    messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: '21 degrees' }] });
    isWarm((await anthropic.messages.create({ ...given, messages, tools })).content.at(-1).text);
  },
  async streamedTools() {
    const { content } = await anthropic.messages.stream({ ...given, messages: user(weather), tools }).finalMessage();
    assert.deepEqual(content.find(({ type }) => type === 'tool_use').input, { city: 'Paris' });
  },
  async thinking() {
    const thinking = { type: 'enabled', budget_tokens: 1024 };
    const { content } = await anthropic.messages.create({ ...given, messages: user(question), thinking });
    assert.deepEqual(
      content.map(({ type }) => type),
      ['thinking', 'text'],
    );
  },
  async countTokens() {
    assert.ok((await anthropic.messages.countTokens({ model, messages: user(question) })).input_tokens > 0);
  },
});
