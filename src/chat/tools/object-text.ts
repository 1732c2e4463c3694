import { at } from '../../base/at.ts';
import { jsonEscaped, jsonLiteral } from './json-text.ts';

/** A string, or a word without quotes, that has begun. */
interface OpenToken {
  readonly isKey: boolean;
  /** The quote that ends a string; undefined for a word, which is collected in `text`. */
  readonly quote: string | undefined;
  /** A word so far, or an escape of a string. */
  text: string;
}

interface Level {
  readonly close: '}' | ']';
  members: number;
}

const blanks = /[ \t\n\r]/;
const plainEscapes = '"\\/bfnrt';

/**
 * Text of one JSON object, whatever comes in: JSON goes through as it is written, and other text becomes JSON in the way in
 * which models mean it. Words without quotes are strings, commas and ends that lack are added, those that are too many are
 * left out, and a value that is no object is a member of one. The text so far is always the begin of an object.
 */
export class ObjectText {
  readonly #levels: Level[] = [];
  #expected: 'key' | 'colon' | 'value' | 'comma' | 'nothing' = 'value';
  #token: OpenToken | undefined;
  /** A comma, and blanks behind it, that count only if something follows. */
  #comma = '';

  push(text: string): string {
    let json = '';
    for (const character of text) json += this.#take(character);
    return json;
  }

  /** The end of the object, as far as it has not come. */
  end(): string {
    let json = this.#endToken();
    if (this.#levels.length === 0 && this.#expected === 'value') json += this.#open('}');
    while (this.#levels.length > 0) json += this.#closeLevel();
    return json;
  }

  #take(character: string): string {
    const token = this.#token;
    if (token?.quote !== undefined) return this.#inString(character, token);
    if (token && !(token.isKey ? /[:=,}\n]/ : /[,}\]\n]/).test(character)) {
      token.text += character;
      return '';
    }
    const before = this.#endToken();
    if (this.#expected === 'nothing') return before;
    return before + this.#mark(character);
  }

  /** A character outside of strings and words. */
  #mark(character: string): string {
    if (/\s/.test(character)) return this.#blank(blanks.test(character) ? character : ' ');
    switch (character) {
      case '{':
        return this.#levels.length === 0 ? this.#open('}') : this.#beforeValue() + this.#open('}');
      case '[':
        return this.#beforeValue() + this.#open(']');
      case '}':
      case ']':
        return this.#close(character);
      case ',':
        return this.#endMember();
      case ':':
      case '=':
        if (this.#expected !== 'colon') return '';
        this.#expected = 'value';
        return ':';
      case '"':
      case "'":
        return this.#begin(character, '');
      default:
        return this.#begin(undefined, character);
    }
  }

  #blank(character: string): string {
    if (this.#comma === '') return character;
    this.#comma += character;
    return '';
  }

  /** Begins a string or a word: a key or a value. */
  #begin(quote: string | undefined, text: string): string {
    const separator = this.#expected === 'comma' ? this.#nextMember(', ') : '';
    const isKey = this.#expected === 'key';
    // A word alone may be null, and no arguments.
    const isAlone = this.#levels.length === 0 && quote === undefined;
    const before = separator + (isAlone ? '' : isKey ? this.#takeComma() : this.#beforeValue());
    this.#token = { isKey, quote, text };
    return before + (quote === undefined ? '' : '"');
  }

  #inString(character: string, token: OpenToken): string {
    const begun = token.text;
    token.text = '';
    if (begun === '\\') return this.#escaped(character, token);
    if (begun !== '') {
      const code = begun + character;
      const isCode = /[\da-f]/i.test(character);
      if (!isCode) return `\\${begun}${this.#inString(character, token)}`;
      if (code.length === 6) return code;
      token.text = code;
      return '';
    }
    if (character === '\\') {
      token.text = '\\';
      return '';
    }
    return character === token.quote ? this.#endToken() : jsonEscaped(character);
  }

  #escaped(character: string, token: OpenToken): string {
    if (plainEscapes.includes(character)) return `\\${character}`;
    if (character !== 'u') return character === "'" ? character : `\\\\${jsonEscaped(character)}`;
    token.text = '\\u';
    return '';
  }

  /** Ends a string or a word that has begun. */
  #endToken(): string {
    const token = this.#token;
    this.#token = undefined;
    if (!token) return '';
    const { isKey, quote, text } = token;
    if (quote !== undefined) {
      this.#expected = isKey ? 'colon' : 'comma';
      return '"';
    }
    const literal = isKey ? JSON.stringify(text.trim()) : (jsonLiteral(text) ?? JSON.stringify(text.trim()));
    if (this.#levels.length === 0) {
      if (literal === 'null') return this.#open('}') + this.#close('}');
      const before = this.#beforeValue();
      this.#expected = 'comma';
      return before + literal;
    }
    this.#expected = isKey ? 'colon' : 'comma';
    return literal;
  }

  /** Text between what has come and a value. */
  #beforeValue(): string {
    let json = this.#levels.length === 0 ? this.#open('}') : '';
    if (this.#expected === 'comma') json += this.#nextMember(', ');
    json += this.#takeComma();
    if (this.#expected === 'key') json += `"argument${at(this.#levels, this.#levels.length - 1).members + 1}": `;
    if (this.#expected === 'colon') json += ': ';
    this.#expected = 'value';
    return json;
  }

  #nextMember(comma: string): string {
    const level = at(this.#levels, this.#levels.length - 1);
    level.members += 1;
    this.#expected = level.close === '}' ? 'key' : 'value';
    return comma;
  }

  #takeComma(): string {
    const comma = this.#comma;
    this.#comma = '';
    return comma;
  }

  #open(close: Level['close']): string {
    this.#levels.push({ close, members: 0 });
    this.#expected = close === '}' ? 'key' : 'value';
    return close === '}' ? '{' : '[';
  }

  /** A value for a key that has none. */
  #completed(): string {
    if (this.#expected === 'colon') return ': null';
    const isMember = this.#expected === 'value' && this.#levels.at(-1)?.close === '}';
    return isMember ? ' null' : '';
  }

  #endMember(): string {
    const json = this.#completed();
    if (json !== '') this.#expected = 'comma';
    if (this.#expected !== 'comma') return '';
    this.#comma = this.#nextMember(',');
    return json;
  }

  /** Ends the last level that this mark ends, and those in it; nothing where there is none. */
  #close(mark: Level['close']): string {
    const place = this.#levels.findLastIndex(({ close }) => close === mark);
    let json = '';
    while (place >= 0 && this.#levels.length > place) json += this.#closeLevel();
    return json;
  }

  #closeLevel(): string {
    const json = this.#completed();
    this.#comma = '';
    const { close } = at(this.#levels, this.#levels.length - 1);
    this.#levels.pop();
    this.#expected = this.#levels.length === 0 ? 'nothing' : 'comma';
    return json + close;
  }
}
