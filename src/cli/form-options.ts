import { EngineError } from '../base/errors.ts';
import { readTextFile, reasonOf } from '../base/regular-file.ts';
import type { GrammarSource } from '../grammar/source.ts';
import type { Settings } from './options/table.ts';

/** Opens the input of the command, which others may want. */
type Stdin = () => AsyncIterable<Uint8Array>;

/** Bytes of the longest schema or grammar. */
const most = 2 ** 20;

/**
 * The grammar that the options ask for. A schema may stand in a file, in the option itself, or on stdin as `-`; a grammar
 * too. Rejects with UNREADABLE, BAD_GRAMMAR.
 */
export async function grammarFromOptions(
  { jsonSchema, gbnf }: Pick<Settings, 'jsonSchema' | 'gbnf'>,
  stdin: Stdin,
): Promise<GrammarSource | undefined> {
  if (gbnf !== undefined) return { kind: 'gbnf', text: gbnf.includes('::=') ? gbnf : await contentOf(gbnf, stdin) };
  if (jsonSchema === undefined) return undefined;
  const text = /^\s*\{/.test(jsonSchema) ? jsonSchema : await contentOf(jsonSchema, stdin);
  try {
    return { kind: 'schema', schema: JSON.parse(text) };
  } catch (error) {
    throw new EngineError('BAD_GRAMMAR', { place: jsonSchema, reason: `it is no JSON (${(error as Error).message})` });
  }
}

async function contentOf(file: string, stdin: Stdin): Promise<string> {
  try {
    return file === '-' ? await readAll(stdin) : readTextFile(file, most);
  } catch (error) {
    throw new EngineError('UNREADABLE', { file, reason: reasonOf(error) });
  }
}

async function readAll(stdin: Stdin): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stdin()) {
    size += part.length;
    if (size > most) throw new Error(`it has more than ${most} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
