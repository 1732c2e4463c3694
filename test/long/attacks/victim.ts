import assert from 'node:assert/strict';
import { str, writeGguf } from '../../../bench/gguf-writer.ts';
import { randomModel } from '../../../bench/random-model.ts';
import { tinyBytePair } from '../../../bench/tiny-vocabulary.ts';
import { formatBytes } from '../../../src/base/bytes.ts';
import { isAlive, peakMemory } from '../../support/processes.ts';
import { postTo, type Server, serve } from '../../support/server.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { type AttackOptions, type Toll, tryEach } from './attack.ts';

const MiB = 2 ** 20;
export const budget: number = 300 * MiB;
/** Memory that the server may take beside the budget of its engine, as docs/api.md has it. */
export const serverBound: number = 320 * MiB;
/** Milliseconds that a well-formed request may take among others before its client counts as forgotten. */
const patience = 60_000;
/** Under this name it is served. */
export const victimModel = 'victim';

const usualTemplate =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}<|im_start|>assistant\n";

/** Writes a model that answers anything with nonsense, quickly: it has a chat template and a vocabulary. */
export function writeVictim(path: string, template: string = usualTemplate, tokens?: number): void {
  const tokenizer = tinyBytePair(undefined, [], tokens);
  const sizes = { layers: 2, width: 64, heads: 2, kvHeads: 1, feedForward: 64, vocabulary: tokenizer.ids.size };
  const { metadata, ...rest } = randomModel({ ...sizes, architecture: 'llama', context: 4096 });
  const own = { 'tokenizer.chat_template': str(template) };
  writeGguf(path, { ...rest, metadata: { ...metadata, ...tokenizer.metadata, ...own } });
}

/** A server that is attacked. */
export interface Victim extends AsyncDisposable {
  readonly server: Server;
  /** The folder of its models. */
  readonly folder: string;
  /** Rejects unless a well-formed request is answered, by the same server, and nobody takes more than its bounds. */
  check(): Promise<void>;
}

/** A well-formed request, with an answer of a few tokens. Rejects unless it gets that. */
export async function answered(
  server: Pick<Server, 'url'>,
  { prompt = 'hello', key = '' }: { prompt?: string; key?: string | undefined } = {},
): Promise<void> {
  const body = { model: victimModel, prompt, raw: true, stream: false, options: { num_predict: 2, temperature: 0 } };
  const response = await postTo(server, '/api/generate', body, {
    signal: AbortSignal.timeout(patience),
    headers: { 'content-type': 'application/json', 'x-api-key': key },
  });
  const text = await response.text();
  assert.equal(response.status, 200, `a well-formed request got ${response.status} ${text.slice(0, 200)}`);
  assert.equal((JSON.parse(text) as { done: boolean }).done, true);
}

export interface VictimOptions {
  /** Arguments after the usual ones. */
  readonly args?: readonly string[];
  /** A program, with its arguments, that runs the server. */
  readonly wrapper?: readonly string[];
  /** The key that a client needs. */
  readonly key?: string;
  /** Puts more into its folder of models. */
  fill?(folder: string): void;
}

/** Starts a server to attack. */
export async function victim({ args = [], wrapper, key, fill }: VictimOptions = {}): Promise<Victim> {
  const folder = tempFolder();
  writeVictim(folder.file(`${victimModel}.gguf`));
  fill?.(folder.path);
  const few = [
    '-m',
    `${budget}`,
    '--ctx',
    '512',
    '--threads',
    '1',
    '--parallel',
    '2',
    '--log-level',
    'warn',
    '--log-format',
    'text',
  ];
  const server = await serve(['--models', folder.path, ...few, ...(key ? ['--api-key', key] : []), ...args], {
    ...(wrapper && { wrapper }),
  });
  const { pid = 0 } = server.child;
  await answered(server, { key });
  return {
    server,
    folder: folder.path,
    async check() {
      await answered(server, { key });
      assert.ok(isAlive(pid), 'the server has ended');
      const bounds = [
        ['server', pid, serverBound],
        ...server.engines().map((engine) => ['engine', engine, budget] as const),
      ] as const;
      for (const [what, process, bound] of bounds) {
        const peak = peakMemory(process);
        assert.ok(!(peak > bound), `the ${what} took ${formatBytes(peak)} of ${formatBytes(bound)}`);
      }
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/**
 * Tries cases on a server, each followed by a check of it. A case that has brought it down, or beyond its bounds, gets
 * the blame, and the next one another server.
 */
export async function tryOnVictim(
  options: AttackOptions,
  attempt: (target: Victim, number: number) => Promise<string>,
  nameOf: (number: number) => string,
  start: () => Promise<Victim> = () => victim(),
): Promise<Toll> {
  let target = await start();
  try {
    return await tryEach(
      options,
      async (number) => {
        try {
          const outcome = await attempt(target, number);
          await target.check();
          return outcome;
        } catch (error) {
          await target[Symbol.asyncDispose]();
          target = await start();
          throw error;
        }
      },
      nameOf,
    );
  } finally {
    await target[Symbol.asyncDispose]();
  }
}
