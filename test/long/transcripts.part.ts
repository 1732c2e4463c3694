import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { at } from '../../src/base/at.ts';
import type { AnswerPart } from '../../src/chat/answer-part.ts';
import { newAnswerReader } from '../../src/chat/answer-reader.ts';
import { ChatTemplate } from '../../src/chat/chat-template.ts';
import type { Conversation, Message } from '../../src/chat/message.ts';
import { opensThoughts, thoughtTagsOf } from '../../src/chat/thought-tags.ts';
import { tempFolder } from '../support/temp-folder.ts';
import type { Part, Row } from './part.ts';
import { fetchSources, templatesIn } from './renderings/sources.ts';
import { type Expected, readTranscripts, type Transcript } from './transcripts/read.ts';

/** Reasons for which some answers are read otherwise. */
const others: readonly (readonly [reason: string, applies: (transcript: Transcript) => boolean])[] = [
  [
    'MiniMax M3, whose values are elements inside elements: not read',
    ({ template }) => template.startsWith('MiniMax-M3'),
  ],
  ['Muse, whose messages have receivers: not read', ({ template }) => template.startsWith('muse')],
  [
    'thoughts that llama.cpp leaves in the text, which is an option there',
    ({ readsThoughts, input }) => !readsThoughts && /think|THINK|channel/.test(input),
  ],
  [
    'a fence of Markdown around JSON under a schema: our grammar allows none',
    ({ schema, input }) => schema && input.includes('```'),
  ],
  [
    'thoughts of Kimi K3, whose tags its template makes of parts',
    ({ template, input }) => template === 'Kimi-K3.jinja' && !input.startsWith('<|open|>'),
  ],
  [
    'tags of thoughts in the middle of an answer of Gemma 4',
    ({ template, input }) =>
      template.startsWith('google-gemma-4') && /!\nWhat's up\?<|^<\|channel><\|channel>/.test(input),
  ],
  [
    'thoughts that neither the prompt nor the answer opens',
    ({ template, input }) =>
      /^(Qwen-QwQ|deepseek-ai-DeepSeek-R1-Distill-Qwen)/.test(template) && /^(I'm\nthinking)?<\/think>/.test(input),
  ],
  [
    'thoughts at the begin of an answer, given by the client: kept only where the template knows thoughts',
    ({ template, begun }) => begun !== undefined && /^(moonshotai-Kimi-K2|Apertus|unsloth-Apriel)/.test(template),
  ],
  ['Apriel 1.6, whose prompt has the first words of the thoughts', ({ template }) => template.startsWith('Apriel-1.6')],
  [
    'a second tag that opens thoughts, which llama.cpp takes as a thought',
    ({ expected }) => expected.thinking.startsWith('<think>'),
  ],
  [
    'templates that need tools, or variables of their own library',
    ({ template, tools }) =>
      template.startsWith('fireworks') || (/Hermes|command-r-plus/.test(template) && tools.length === 0),
  ],
];

/** The same JSON is the same text; what is none counts as nothing, as in the tests of llama.cpp. */
function normal(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json));
  } catch {
    return '';
  }
}

const shown = ({ content, thinking, calls }: Expected): string =>
  JSON.stringify({
    content: content.trim(),
    thinking: thinking.trim(),
    calls: calls.map((call) => [call.name, normal(call.arguments), call.id]),
  });

/** An answer, put together from its parts. Ids that are new count as none. */
function messageOf(parts: readonly AnswerPart[], known: readonly string[]): Expected {
  const calls: { name: string; arguments: string; id: string }[] = [];
  for (const { index, id = '', name, arguments: text } of parts.flatMap(({ toolCalls = [] }) => toolCalls)) {
    if (name !== undefined) calls.push({ name, arguments: '', id: known.includes(id) ? id : '' });
    at(calls, index).arguments += text;
  }
  return {
    content: parts.map(({ text }) => text).join(''),
    thinking: parts.map(({ thinking = '' }) => thinking).join(''),
    calls,
  };
}

const user: Message = { role: 'user', content: 'Hey there!' };
const nothing: Expected = { content: '', thinking: '', calls: [] };

/** The answer to a transcript's conversation; one that is begun goes on from there. */
function read(template: string, { input, tools, thinks, begun, expected }: Transcript, cut: number): Expected {
  const messages = begun ? [user, { role: 'assistant', content: begun.content, thinking: begun.thinking }] : [user];
  const conversation: Conversation = { messages, tools, think: thinks };
  const chat = new ChatTemplate(template, { bos: '<s>', eos: '</s>', controls: [] });
  const prompt = chat.render(conversation, { mostLength: 2 ** 20 });
  const thoughts = thoughtTagsOf(template);
  const calls = chat.callsIn(conversation);
  const opened = prompt.begun?.kind === 'thinking' || (thoughts && opensThoughts(prompt.text, thoughts, prompt.begun));
  const reader = newAnswerReader({ thoughts, opened, begun: prompt.begun?.text, calls });
  const parts: AnswerPart[] = [];
  for (let i = 0; i < input.length; i += cut) parts.push(...reader.push(input.slice(i, i + cut)));
  const { content, thinking } =
    thoughts || calls?.format.readsThoughts ? (begun ?? nothing) : { ...nothing, ...begun, thinking: '' };
  return messageOf(
    [{ text: content, thinking }, ...parts, ...reader.end()],
    expected.calls.map(({ id }) => id),
  );
}

function rowOf(transcripts: readonly Transcript[], templates: ReadonlyMap<string, string>): Row {
  const failed: string[] = [];
  const skipped = new Map<string, number>();
  let passed = 0;
  for (const transcript of transcripts) {
    const reason = others.find(([, applies]) => applies(transcript))?.[0];
    if (reason !== undefined) {
      skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
      continue;
    }
    const expected = shown(transcript.expected);
    const wrong = [transcript.input.length, 1, 3]
      .map((cut) => {
        try {
          return shown(read(templates.get(transcript.template) ?? '', transcript, cut));
        } catch (error) {
          return (error as Error).message;
        }
      })
      .find((got) => got !== expected);
    if (wrong === undefined) passed += 1;
    else failed.push(`${transcript.name}: ${wrong}, not ${expected}`);
  }
  return {
    name: 'answers are taken apart as by llama.cpp',
    tried: passed + failed.length,
    passed,
    failed,
    skipped: [...skipped].map(([reason, count]) => `${count} answers: ${reason}`),
  };
}

export const part: Part = {
  about: 'answers in the formats of all families, taken apart as the tests of llama.cpp expect it',
  rows: async function* () {
    using folder = tempFolder();
    let root: string;
    try {
      root = fetchSources(folder.path);
    } catch (error) {
      yield {
        name: 'transcripts',
        tried: 0,
        passed: 0,
        failed: [],
        skipped: [`the sources of llama.cpp (${(error as Error).message})`],
      };
      return;
    }
    const { transcripts, unread } = readTranscripts(readFileSync(join(root, 'tests', 'test-chat.cpp'), 'utf8'));
    yield {
      name: 'transcripts are found',
      tried: transcripts.length + unread.length,
      passed: transcripts.length,
      failed: unread,
      skipped: [],
    };
    yield rowOf(transcripts, templatesIn(root));
  },
};
