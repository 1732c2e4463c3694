import { tool } from '@langchain/core/tools';
import { ChatOllama, OllamaEmbeddings } from '@langchain/ollama';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
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

const configuration = { baseURL: `${base}/v1` };
const models = {
  ollama: new ChatOllama({ model, baseUrl: base }),
  openai: new ChatOpenAI({ model, apiKey, configuration, maxRetries: 0 }),
};
const getWeather = tool(({ city }) => `21 degrees in ${city}`, {
  name: 'get_weather',
  description: 'The weather',
  schema: citySchema,
});

const features = {};
for (const [name, llm] of Object.entries(models)) {
  features[`${name}: chat`] = async () => isBlue((await llm.invoke(question)).content);
  features[`${name}: stream`] = async () => {
    let text = '';
    for await (const { content } of await llm.stream(question)) text += content;
    isBlue(text);
  };
  features[`${name}: tools`] = async () => {
    const bound = llm.bindTools([getWeather]);
    const answer = await bound.invoke(weather);
    const results = await Promise.all(answer.tool_calls.map((call) => getWeather.invoke(call)));
    isWarm((await bound.invoke([['human', weather], answer, ...results])).content);
  };
  features[`${name}: structured`] = async () =>
    isAda(await llm.withStructuredOutput({ title: 'person', ...personSchema }).invoke('Who?'));
}
features['ollama: embeddings'] = async () =>
  isVector(await new OllamaEmbeddings({ model, baseUrl: base }).embedQuery('a'));
features['openai: embeddings'] = async () =>
  isVector(await new OpenAIEmbeddings({ model, apiKey, configuration }).embedQuery('a'));
await run(features);
