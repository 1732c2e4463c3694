import { TemplateError } from '../jinja/errors.ts';

/** A part of a template: text, or what stands between "{{" and "}}". */
export interface TemplatePart {
  readonly kind: 'text' | 'action';
  readonly text: string;
  readonly line: number;
}

export interface GoToken {
  readonly kind: 'word' | 'field' | 'variable' | 'string' | 'number' | 'symbol';
  readonly text: string;
  /** True if there is a blank before it: ".A.B" is one operand, ".A .B" are two. */
  readonly apart: boolean;
}

const blanks = ' \t\r\n';

/** The parts of a template, without comments, and without the blanks that "{{-" and "-}}" take with them. */
export function templateParts(source: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let line = 1;
  let trims = false;
  for (let place = 0; place < source.length; ) {
    const open = source.indexOf('{{', place);
    const end = open < 0 ? source.length : open;
    const trimsBefore = open >= 0 && source[open + 2] === '-' && blanks.includes(source[open + 3] ?? 'x');
    const text = source.slice(place, end);
    const left = trims ? text.replace(/^[ \t\r\n]+/, '') : text;
    parts.push({ kind: 'text', text: trimsBefore ? trimmedEnd(left) : left, line });
    line += newlinesIn(text);
    if (open < 0) break;
    const close = endOfAction(source, open + (trimsBefore ? 3 : 2), line);
    const inner = source.slice(open + (trimsBefore ? 3 : 2), close);
    trims = inner.endsWith('-') && blanks.includes(inner.at(-2) ?? 'x');
    const action = (trims ? inner.slice(0, -1) : inner).trim();
    if (!/^\/\*[\s\S]*\*\/$/.test(action)) parts.push({ kind: 'action', text: action, line });
    line += newlinesIn(inner);
    place = close + 2;
  }
  return parts.filter(({ kind, text }) => kind === 'action' || text !== '');
}

const newlinesIn = (text: string): number => text.split('\n').length - 1;

function trimmedEnd(text: string): string {
  let end = text.length;
  while (end > 0 && blanks.includes(text[end - 1] ?? 'x')) end -= 1;
  return text.slice(0, end);
}

/** The place of the "}}" that closes an action: not one within a string or a comment. */
function endOfAction(source: string, begin: number, line: number): number {
  const skipped = /\s*\/\*[\s\S]*?\*\/|"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\\n]|\\.)*'|\}\}|[\s\S]/y;
  for (skipped.lastIndex = begin; skipped.lastIndex < source.length; ) {
    if (skipped.exec(source)?.[0] === '}}') return skipped.lastIndex - 2;
  }
  throw new TemplateError('an action is not closed', line);
}

const token =
  /(?<blank>[ \t\r\n]*)(?:(?<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\\n]|\\.)+')|(?<number>[+-]?(?:0[xX][\da-fA-F]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?))|(?<field>\.[\p{L}_][\p{L}\p{N}_]*)|(?<variable>\$[\p{L}\p{N}_]*)|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<symbol>:=|[=|(),.]))/uy;

/** The tokens of an action. Throws TemplateError. */
export function tokensOf({ text, line }: TemplatePart): readonly GoToken[] {
  const tokens: GoToken[] = [];
  const pattern = new RegExp(token);
  for (let place = 0; place < text.length; place = pattern.lastIndex) {
    pattern.lastIndex = place;
    const groups = pattern.exec(text)?.groups;
    if (!groups) {
      if (text.slice(place).trim() === '') break;
      throw new TemplateError(`unexpected ${JSON.stringify(text.slice(place, place + 10))}`, line);
    }
    const { blank = '', ...kinds } = groups;
    for (const [kind, found] of Object.entries(kinds)) {
      if (found !== undefined) tokens.push({ kind: kind as GoToken['kind'], text: found, apart: blank !== '' });
    }
  }
  return tokens;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };

/** The text of a quoted string or the code of a quoted character. */
export function unquoted(quoted: string): string | number {
  const inner = quoted.slice(1, -1);
  if (quoted.startsWith('`')) return inner;
  const text = inner.replace(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|([\s\S]))/g,
    (_, hex?: string, u?: string, long?: string, octal?: string, one = '') => {
      const code = hex ?? u ?? long;
      if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16));
      return octal === undefined ? (escapes[one] ?? one) : String.fromCodePoint(Number.parseInt(octal, 8));
    },
  );
  return quoted.startsWith("'") ? (text.codePointAt(0) ?? 0) : text;
}
