import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { chatContext as context, writeChatModel } from '../support/chat-model.ts';
import { frugal, postTo, serve } from '../support/server.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { fetchSpecification } from './ollama-schema/specification.ts';
import type { Part, Row } from './part.ts';

const messages = [{ role: 'user', content: 'Why is the sky blue?' }];
const options = { num_predict: 4 };
const form = { type: 'object', properties: { sky: { type: 'boolean' } }, required: ['sky'] };
const whole = { stream: false, options };

/** Answers by the name of their schema: path, body of a POST, and the part of the answer that has the schema. */
const answers: readonly (readonly [schema: string, path: string, body?: object | undefined, part?: string])[] = [
  ['GenerateResponse', '/api/generate', { prompt: 'Hi', ...whole, logprobs: true, top_logprobs: 2 }],
  ['GenerateResponse', '/api/generate', { prompt: 'Hi', ...whole, format: form }],
  ['GenerateResponse', '/api/generate', { prompt: '', stream: false }],
  ['GenerateStreamEvent', '/api/generate', { prompt: 'Hi', options }],
  ['ChatResponse', '/api/chat', { messages, ...whole, logprobs: true, top_logprobs: 2 }],
  ['ChatResponse', '/api/chat', { messages, ...whole, format: 'json' }],
  ['ChatStreamEvent', '/api/chat', { messages, options }],
  ['EmbedResponse', '/api/embed', { input: ['a', 'b'] }],
  ['ListResponse', '/api/tags'],
  ['ModelSummary', '/api/tags', undefined, 'models'],
  ['PsResponse', '/api/ps'],
  ['Ps', '/api/ps', undefined, 'models'],
  ['ShowResponse', '/api/show', {}],
  ['VersionResponse', '/api/version'],
  ['ErrorResponse', '/api/chat', { model: 'nobody', messages }],
];

const skipped = (reason: string): Row => ({ name: 'answers', tried: 0, passed: 0, failed: [], skipped: [reason] });

/** The lines of an answer, each a value of JSON. */
const valuesOf = async (response: Response): Promise<readonly unknown[]> =>
  (await response.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

export const part: Part = {
  about: "answers of Ollama's API, by the schemas of its own specification",
  rows: async function* () {
    using folder = tempFolder();
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    try {
      ajv.addSchema(await fetchSpecification(folder), 'ollama');
    } catch (error) {
      yield skipped((error as Error).message);
      return;
    }
    const model = 'tiny-chat:f32';
    await using server = await serve([
      writeChatModel(folder.file('Tiny-Chat.F32.gguf')),
      ...frugal,
      '--ctx',
      `${context}`,
    ]);
    for (const [schema, path, body, inner] of answers) {
      const check = ajv.getSchema(`ollama#/components/schemas/${schema}`);
      if (!check) throw new Error(`the specification has no ${schema}`);
      const response = body ? await postTo(server, path, { model, ...body }) : await fetch(`${server.url}${path}`);
      const all = await valuesOf(response);
      const values = inner === undefined ? all : all.flatMap((one) => (one as Record<string, unknown[]>)[inner] ?? []);
      const failed = values.flatMap((value) => (check(value) ? [] : [`${schema}: ${ajv.errorsText(check.errors)}`]));
      if (values.length === 0) failed.push(`${schema}: there is none`);
      yield {
        name: `${path}: ${schema}`,
        tried: values.length,
        passed: values.length - failed.length,
        failed,
        skipped: [],
      };
    }
  },
};
