import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Conversation, ToolCall } from '../../src/chat/message.ts';
import type { Model } from '../../src/model/model.ts';
import { openTestModel, plenty } from '../support/open-model.ts';
import { missingSmollm2, smollm2 } from '../support/smollm2.ts';
import { tempFolder } from '../support/temp-folder.ts';
import type { Part, Row } from './part.ts';
import { fetchGemma } from './tool-calls/gemma.ts';

const tries = 20;
const parameters = {
  type: 'object',
  properties: {
    city: { type: 'string', minLength: 1, maxLength: 20 },
    days: { type: 'integer', minimum: 1, maximum: 7 },
    unit: { enum: ['celsius', 'fahrenheit'] },
  },
  required: ['city', 'days', 'unit'],
  additionalProperties: false,
};
const isRight = new Ajv2020().compile(parameters);
const conversation: Conversation = {
  messages: [{ role: 'user', content: 'What will the weather in Paris be tomorrow?' }],
  tools: [{ name: 'get_weather', description: 'The weather of a city', parameters }],
  toolChoice: 'required',
  parallelToolCalls: false,
};

/** A line about an answer that is not one call of the tool with arguments of its schema. */
async function wrongCall(model: Model, seed: number): Promise<string | undefined> {
  const calls: ToolCall[] = [];
  let all = '';
  for await (const { text, toolCalls = [] } of model.generate(conversation, { seed, temperature: 1, maxTokens: 400 })) {
    all += text;
    for (const { index, id = '', name = '', arguments: part } of toolCalls) {
      const { id: known = id, name: called = name, arguments: before = '' } = calls[index] ?? {};
      calls[index] = { id: known, name: called, arguments: before + part };
    }
  }
  const [call] = calls;
  const right = calls.length === 1 && call?.name === 'get_weather' && all === '' && isRight(JSON.parse(call.arguments));
  return right ? undefined : `seed ${seed}: ${JSON.stringify({ text: all, calls })}`;
}

/** The calls of a model, which only its grammar makes right. */
async function rowOf(name: string, path: string): Promise<Row> {
  await using model = openTestModel(path, plenty, { context: 1024, parallel: 4 });
  const wrong = await Promise.all(Array.from({ length: tries }, (_, seed) => wrongCall(model, seed)));
  const failed = wrong.filter((line) => line !== undefined);
  return { name, tried: tries, passed: tries - failed.length, failed, skipped: [] };
}

const skipped = (name: string, reason: string): Row => ({ name, tried: 0, passed: 0, failed: [], skipped: [reason] });

export const part: Part = {
  about: 'small real models that call a tool because a grammar makes them',
  rows: async function* () {
    const missing = await missingSmollm2();
    yield missing === undefined ? await rowOf('SmolLM2 135M', await smollm2()) : skipped('SmolLM2 135M', missing);
    using folder = tempFolder();
    let gemma: string;
    try {
      gemma = fetchGemma(folder);
    } catch (error) {
      yield skipped('Gemma 3 270M', (error as Error).message);
      return;
    }
    yield await rowOf('Gemma 3 270M', gemma);
  },
};
