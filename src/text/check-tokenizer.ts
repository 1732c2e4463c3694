import { EngineError } from '../base/errors.ts';
import type { Metadata } from '../gguf/metadata.ts';
import type { ScalarType } from '../gguf/values.ts';
import { charsmapFault } from './charsmap.ts';

const model = 'tokenizer.ggml.model';
const tokens = 'tokenizer.ggml.tokens';
const tokenTypes = 'tokenizer.ggml.token_type';

const withoutTokenizer = ['no_vocab', 'none'];
// Libllama allocates as many as the metadata ask for; the largest vocabularies have a quarter of this.
const mostTokens = 2 ** 20;

/** Libllama calls itself for each character of a name. */
const longestName = 4096;
/** Sum of the squares of the lengths of PLaMo 2's names: 2 ** 21 for 100,000 tokens. */
const mostEnds = 2 ** 24;

const invalid = ({ file }: Metadata, key: string, what: string): EngineError =>
  new EngineError('METADATA_INVALID', { file, key, what });

function checkArray(metadata: Metadata, key: string, types: readonly ScalarType[], least: number): void {
  const value = metadata.raw(key);
  if (typeof value !== 'object') throw invalid(metadata, key, 'is not an array');
  if (!types.includes(value.type)) {
    throw invalid(metadata, key, `is an array of ${value.type}, not of ${types.join(' or ')}`);
  }
  if (value.length < least) throw invalid(metadata, key, `has ${value.length} elements for ${least} tokens`);
}

/**
 * Libllama ends the process when two tokens have one name. It reads names as C strings, and names empty ones itself.
 */
function checkNames(metadata: Metadata): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [id, token] of metadata.strings(tokens).entries()) {
    const name = token.replace(/\0.*/s, '') || `[EMPTY_${id}]`;
    if (names.has(name)) throw invalid(metadata, tokens, `names the token ${JSON.stringify(name)} twice`);
    names.add(name);
  }
  return names;
}

/** SentencePiece writes characters without a token byte by byte; libllama ends the process when a byte has no token. */
function checkBytes(metadata: Metadata, names: ReadonlySet<string>): void {
  for (let byte = 0; byte < 256; byte++) {
    const name = `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
    const isAsciiToken = byte > 0 && byte < 128 && names.has(String.fromCharCode(byte));
    if (!isAsciiToken && !names.has(name)) throw invalid(metadata, tokens, `has no token ${name}`);
  }
}

/** Bytes that a text may have: UTF-8 uses no others. */
const textBytes = Array.from({ length: 0xf5 }, (_, byte) => byte).filter((byte) => byte !== 0xc0 && byte !== 0xc1);

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r' };

/** The name of a token of RWKV's without escapes, a character a byte, as far as it is of single bytes. */
const unescaped = (name: string): string =>
  name.replace(/\\(?:x([0-9a-f]{2})|(.))/gs, (_, code: string | undefined, sign: string) =>
    code === undefined ? (escapes[sign] ?? sign) : String.fromCharCode(Number.parseInt(code, 16)),
  );

/**
 * RWKV takes the longest token that a text goes on with, and libllama never ends where there is none. It looks for them in
 * a tree that is as deep as the longest name.
 */
function checkByteSequences(metadata: Metadata, names: ReadonlySet<string>): void {
  const bytes = new Set([...names].map(unescaped));
  const missing = textBytes.find((byte) => !bytes.has(String.fromCharCode(byte)));
  if (missing !== undefined) throw invalid(metadata, tokens, `has no token for byte ${missing}`);
  checkLengths(metadata, names);
}

function checkLengths(metadata: Metadata, names: ReadonlySet<string>): void {
  const long = [...names].find((name) => name.length > longestName);
  if (long)
    throw invalid(metadata, tokens, `has a name of ${long.length} characters; at most ${longestName} are supported`);
}

/** Libllama makes PLaMo 2 a table of all ends of all names. */
function checkEnds(metadata: Metadata, names: ReadonlySet<string>): void {
  let ends = 0;
  for (const { length } of names) ends += length ** 2;
  if (ends > mostEnds) throw invalid(metadata, tokens, 'has names that are too long');
}

function checkSpecial(metadata: Metadata, size: number): void {
  for (const name of ['bos', 'eos', 'eot', 'eom']) {
    const key = `tokenizer.ggml.${name}_token_id`;
    const id = metadata.number(key, 0);
    if (!Number.isInteger(id) || id < 0 || id >= size) {
      throw invalid(metadata, key, `is ${id}, which is none of the ${size} tokens`);
    }
  }
}

function checkMerges(metadata: Metadata): void {
  const pre = metadata.string('tokenizer.ggml.pre', 'default');
  // Pieces of "whitespace" keep their spaces, and a check in libllama's merge loop then ends the process.
  if (pre === 'whitespace') throw invalid(metadata, 'tokenizer.ggml.pre', `is "${pre}", which is not supported`);
  const mayBeMissing = pre === 'kimi-k2' && !metadata.has('tokenizer.ggml.merges');
  if (!mayBeMissing) checkArray(metadata, 'tokenizer.ggml.merges', ['string'], 0);
}

function checkWithoutTokenizer(metadata: Metadata): void {
  const key = `${metadata.string('general.architecture')}.vocab_size`;
  const size = metadata.number(key, 0);
  if (size > mostTokens) throw invalid(metadata, key, `is ${size}; at most ${mostTokens} tokens are supported`);
}

function checkTokens(metadata: Metadata, check: NameCheck): void {
  checkArray(metadata, tokens, ['string'], 1);
  const names = checkNames(metadata);
  if (metadata.has('tokenizer.ggml.scores')) checkArray(metadata, 'tokenizer.ggml.scores', ['f32', 'i32'], names.size);
  if (metadata.has(tokenTypes)) checkArray(metadata, tokenTypes, ['i32'], names.size);
  checkSpecial(metadata, names.size);
  check(metadata, names);
}

/** Throws METADATA_INVALID unless a token that libllama falls back to is one of the `size` ones. */
function checkToken(metadata: Metadata, name: string, { size, byDefault }: { size: number; byDefault: number }): void {
  const key = `tokenizer.ggml.${name}_token_id`;
  const id = metadata.number(key, byDefault);
  if (!Number.isInteger(id) || id < 0 || id >= size)
    throw invalid(metadata, key, `is ${id}, which is none of the ${size} tokens`);
}

/** A token's type that says: it is one byte of a text. */
const byteType = 6;

/** The tokens around a text, and the one for words that are not known. The names are those of files. */
function checkWords(metadata: Metadata, { size }: ReadonlySet<string>): void {
  for (const [name, byDefault] of [
    ['unknown', 100],
    ['bos', 101],
    ['seperator', 102],
  ] as const)
    checkToken(metadata, name, { size, byDefault });
  // Libllama ends the process: pieces of words are never bytes.
  if (metadata.has(tokenTypes) && metadata.numbers(tokenTypes).includes(byteType))
    throw invalid(metadata, tokenTypes, 'has bytes among pieces of words');
}

const charsmap = 'tokenizer.ggml.precompiled_charsmap';

/** Names of unigrams are put into a tree as deep as the longest; characters are replaced by a map. */
function checkUnigrams(metadata: Metadata, names: ReadonlySet<string>): void {
  checkToken(metadata, 'unknown', { size: names.size, byDefault: 2 });
  checkLengths(metadata, names);
  if (!metadata.has(charsmap)) return;
  checkArray(metadata, charsmap, ['u8', 'i8'], 0);
  const fault = charsmapFault(Uint8Array.from(metadata.numbers(charsmap)));
  if (fault !== undefined) throw invalid(metadata, charsmap, fault);
}

type NameCheck = (metadata: Metadata, names: ReadonlySet<string>) => void;

/** Checks by kind of tokenizer (`tokenizer.ggml.model`). */
const checksOf: ReadonlyMap<string, NameCheck> = new Map([
  ['llama', checkBytes],
  ['gpt2', checkMerges],
  ['gemma4', checkMerges],
  ['rwkv', checkByteSequences],
  ['plamo2', checkEnds],
  ['bert', checkWords],
  ['t5', checkUnigrams],
]);

/**
 * A reason to doubt the tokens of a model, as a sentence: byte-pair tokens depend on how a text is split before, and
 * libllama takes GPT-2's way where the file says none. Undefined where there is no doubt.
 */
export function tokenizerDoubt(metadata: Metadata): string | undefined {
  if (metadata.string(model, '') !== 'gpt2' || metadata.has('tokenizer.ggml.pre')) return undefined;
  return 'the file does not say how texts are split into words (no tokenizer.ggml.pre): tokens, and answers, may be wrong';
}

/**
 * Refuses metadata for which libllama would end the process or read out of bounds when it opens the tokenizer, or which
 * it would quietly replace. Throws METADATA_MISSING or METADATA_INVALID.
 */
export function checkTokenizer(metadata: Metadata): void {
  const kind = metadata.string(model);
  const check = checksOf.get(kind);
  if (withoutTokenizer.includes(kind)) checkWithoutTokenizer(metadata);
  else if (check) checkTokens(metadata, check);
  else {
    const known = [...checksOf.keys()].join(', ');
    throw invalid(metadata, model, `is "${kind}", which is not supported; these are: ${known}`);
  }
}
