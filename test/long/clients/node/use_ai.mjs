import assert from 'node:assert/strict';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embed, generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { createOllama } from 'ollama-ai-provider-v2';
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

const openai = createOpenAI({ baseURL: `${base}/v1`, apiKey });
const compatible = createOpenAICompatible({
  name: 'local',
  baseURL: `${base}/v1`,
  apiKey,
  supportsStructuredOutputs: true,
});
const ollama = createOllama({ baseURL: `${base}/api` });
const providers = { openai, compatible, ollama };
const tools = {
  get_weather: tool({
    description: 'The weather',
    inputSchema: jsonSchema(citySchema),
    execute: async ({ city }) => `21 degrees in ${city}`,
  }),
};

const features = {};
for (const [name, provider] of Object.entries(providers)) {
  const given = { model: provider(model), maxRetries: 0 };
  features[`${name}: chat`] = async () => isBlue((await generateText({ ...given, prompt: question })).text);
  features[`${name}: stream`] = async () => isBlue(await streamText({ ...given, prompt: question }).text);
  features[`${name}: tools`] = async () =>
    isWarm((await generateText({ ...given, prompt: weather, tools, stopWhen: stepCountIs(3) })).text);
  features[`${name}: streamed tools`] = async () => {
    const stream = streamText({ ...given, prompt: weather, tools, stopWhen: stepCountIs(3) });
    isWarm((await stream.steps).at(-1).text);
  };
  features[`${name}: structured`] = async () =>
    isAda((await generateObject({ ...given, prompt: 'Who?', schema: jsonSchema(personSchema) })).object);
}
features['compatible: thinking'] = async () => {
  const options = { local: { reasoningEffort: 'high' } };
  const { reasoningText, text } = await generateText({
    model: compatible(model),
    prompt: question,
    providerOptions: options,
  });
  assert.ok(reasoningText);
  isBlue(text);
};
features['openai: embeddings'] = async () =>
  isVector((await embed({ model: openai.embedding(model), value: 'a' })).embedding);
await run(features);
