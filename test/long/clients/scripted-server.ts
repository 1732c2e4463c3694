import { EngineError } from '../../../src/base/errors.ts';
import type { Tool } from '../../../src/chat/message.ts';
import type { ServedModel } from '../../../src/library/model-card.ts';
import type { Delta, EmbeddedInputs, EmbeddingRequest, GenerationRequest } from '../../../src/worker/backend.ts';
import { type BackendScript, FakeBackend, servedModel } from '../../support/fake-backend.ts';
import { served } from '../../support/served.ts';
import { serving } from '../../support/serving.ts';

const template = '{% if tools %}{{ tools }}{% endif %}{% for message in messages %}{{ message.content }}{% endfor %}';
const facts: Readonly<Record<string, unknown>> = { name: 'Ada', age: 36, city: 'Paris' };

/** Arguments for a tool: facts by the names of its parameters. */
const argumentsOf = ({ parameters }: Tool): string =>
  JSON.stringify(
    Object.fromEntries(Object.keys(Object(parameters?.['properties'])).map((name) => [name, facts[name] ?? name])),
  );

/** A text, as it comes: several parts. */
const partsOf = (text: string): readonly Delta[] =>
  (text.match(/.{1,7}/gs) ?? []).map((part) => ({ text: part, logprobs: [] }));

const calling = (tool: Tool): BackendScript => {
  const json = argumentsOf(tool);
  const parts = [
    { index: 0, id: 'call_1', name: tool.name, arguments: json.slice(0, 5) },
    { index: 0, arguments: json.slice(5) },
  ];
  return {
    deltas: parts.map((part) => ({ text: '', toolCalls: [part], logprobs: [] })),
    ending: { reason: 'toolCalls' },
  };
};

/**
 * Answers that a good model would give: it calls a tool where that is asked for, thinks, fills a form, and reads results.
 */
function script({ prompt, grammar }: GenerationRequest): BackendScript {
  const { messages = [], tools = [], toolChoice = 'auto', think } = prompt.kind === 'chat' ? prompt : {};
  const last = messages.at(-1);
  const asked = messages.findLast(({ role }) => role === 'user')?.content ?? '';
  if (asked.includes('too long')) {
    return {
      deltas: [],
      refusal: new EngineError('CONTEXT_TOO_LONG', { prompt: 9000, context: 2048, atLeast: false }),
    };
  }
  if (last?.role === 'tool') return { deltas: partsOf(`It is warm: ${last.content}.`) };
  const named = tools.find(({ name }) => typeof toolChoice === 'object' && name === toolChoice.name) ?? tools[0];
  const wanted = toolChoice !== 'auto' || asked.includes('weather') || asked.includes('Who');
  if (named && toolChoice !== 'none' && wanted) return calling(named);
  if (grammar || asked.includes('JSON')) return { deltas: partsOf('{"name":"Ada","age":36}') };
  const thoughts = think && think !== 'none' ? [{ text: '', thinking: 'Light is scattered.', logprobs: [] }] : [];
  return { deltas: [...thoughts, ...partsOf('The sky is blue because air scatters blue light.')] };
}

/** Embeddings have a direction of their own for each length of a text. */
class ScriptedBackend extends FakeBackend {
  override async *embed(_: ServedModel, { inputs }: EmbeddingRequest): AsyncGenerator<EmbeddedInputs, void, void> {
    for (const { length } of inputs) {
      const vector = Float32Array.from({ length: 8 }, (_, i) => (i === length % 8 ? 1 : 0));
      yield { vectors: [vector], tokens: length, loadSeconds: 0.125 };
    }
  }
}

/** A server whose model "scripted" answers as a good model would; its address, and its end. */
export async function scriptedServer(): Promise<{ readonly url: string } & AsyncDisposable> {
  const backend = new ScriptedBackend(
    servedModel({ name: 'scripted:latest', template, thinks: true, callsTools: true }),
  );
  backend.script = script;
  return serving(served({ loopback: true }, backend).app);
}
