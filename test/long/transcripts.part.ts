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
    'thoughts that llama.cpp leaves in the text, which is an option there',
    ({ readsThoughts, expected }) => !readsThoughts && /think>|THINK|channel/.test(expected.content),
  ],
  [
    'a fence of Markdown around JSON under a schema: our grammar allows none',
    ({ schema, input }) => schema && input.includes('```'),
  ],
  [
    'half a tag of thoughts before a whole one',
    ({ template, input }) => template.startsWith('google-gemma-4') && input.startsWith('<|channel><|channel>'),
  ],
  [
    'thoughts that a client begins for a model that has no tags for them',
    ({ template, begun }) => template.startsWith('moonshotai-Kimi-K2') && begun !== undefined && begun.content === '',
  ],
  [
    'the first words of thoughts, which the prompt of Apriel 1.6 has: llama.cpp repeats them',
    ({ template, expected, begun }) =>
      template.startsWith('Apriel-1.6') && expected.thinking.startsWith('Here are') && !begun,
  ],
  [
    'a second tag that opens thoughts, which llama.cpp takes as a thought',
    ({ expected }) => expected.thinking.startsWith('<think>'),
  ],
  [
    'control tokens that end a turn, which never reach the reader',
    ({ template, input }) => template.includes('command-r-plus') && input.includes('<|END_OF_TURN_TOKEN|>'),
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

/** The part of an answer that is the model's: llama.cpp repeats what the client has begun, where the template knows thoughts. */
function ownPart({ begun, expected }: Transcript): Expected {
  const behind = (text: string, start = ''): string => (text.startsWith(start) ? text.slice(start.length) : text);
  const { content, thinking } = expected;
  return { ...expected, content: behind(content, begun?.content), thinking: behind(thinking, begun?.thinking) };
}

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
  return messageOf(
    [...parts, ...reader.end()],
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
    const expected = shown(ownPart(transcript));
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
