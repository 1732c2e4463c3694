import type { Reading, TextSource } from '../text-source.ts';
import { jsonEscaped, jsonLiteral } from './json-text.ts';

/**
 * Moves over a value as Gemma writes it, and hands it over as JSON: keys without quotes, strings between texts of their
 * own (`{city:<|"|>Oslo<|"|>,days:3}`). False where the text ends before the value.
 */
export function* copyBareJson(source: TextSource, quote: string, take: (text: string) => void): Reading<boolean> {
  yield* source.space();
  if (yield* source.skip(quote)) return yield* copyQuoted(source, quote, take);
  if (yield* source.skip('{')) return yield* copyEntries(source, quote, take);
  if (yield* source.skip('[')) return yield* copyElements(source, quote, take);
  let text = '';
  const end = yield* source.until([',', '}', ']'], (part) => {
    text += part;
  });
  if (end !== undefined || text.trim() !== '') take(jsonLiteral(text) ?? JSON.stringify(text.trim()));
  return end !== undefined;
}

function* copyQuoted(source: TextSource, quote: string, take: (text: string) => void): Reading<boolean> {
  take('"');
  if ((yield* source.until([quote], (text) => take(jsonEscaped(text)))) === undefined) return false;
  source.position += quote.length;
  take('"');
  return true;
}

function* copyEntries(source: TextSource, quote: string, take: (text: string) => void): Reading<boolean> {
  take('{');
  for (let entries = 0; ; entries++) {
    yield* source.space();
    if (yield* source.skip('}')) break;
    let key = '';
    const colon = yield* source.until([':'], (part) => {
      key += part;
    });
    if (colon === undefined) return false;
    source.position += 1;
    const bare = key
      .trim()
      .replaceAll(quote, '')
      .replace(/^"(.*)"$/s, '$1');
    take(`${entries > 0 ? ', ' : ''}${JSON.stringify(bare)}: `);
    if (!(yield* copyBareJson(source, quote, take))) return false;
    yield* source.space();
    yield* source.skip(',');
  }
  take('}');
  return true;
}

function* copyElements(source: TextSource, quote: string, take: (text: string) => void): Reading<boolean> {
  take('[');
  for (let elements = 0; ; elements++) {
    yield* source.space();
    if (yield* source.skip(']')) break;
    if (['', '}'].includes(yield* source.peek())) return false;
    if (elements > 0) take(', ');
    if (!(yield* copyBareJson(source, quote, take))) return false;
    yield* source.space();
    yield* source.skip(',');
  }
  take(']');
  return true;
}
