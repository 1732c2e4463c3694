/** A part of a line. */
export type Inline =
  | { readonly kind: 'text' | 'code' | 'strong' | 'emphasis'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly href: string };

/** A part of an answer. */
export type MarkdownBlock =
  | { readonly kind: 'paragraph' | 'quote'; readonly inlines: readonly Inline[] }
  | { readonly kind: 'heading'; readonly inlines: readonly Inline[] }
  | { readonly kind: 'list'; readonly ordered: boolean; readonly items: readonly (readonly Inline[])[] }
  | { readonly kind: 'code'; readonly language: string; readonly text: string };

const fence = /^ {0,3}(```+|~~~+)([^`]*)$/;
const item = /^\s*(?:([-*+])|(\d{1,9})[.)])\s+(.*)$/;
const heading = /^#{1,6}\s+(.*)$/;

/** A subset of Markdown, line by line: whatever it does not know stays text. */
export function parseMarkdown(text: string): readonly MarkdownBlock[] {
  const blocks: MarkdownBlock[] = [];
  const lines = text.split('\n');
  let paragraph: string[] = [];
  const flush = (): void => {
    if (paragraph.length > 0) blocks.push({ kind: 'paragraph', inlines: parseInlines(paragraph.join('\n')) });
    paragraph = [];
  };
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i] ?? '';
    const [, mark, language = ''] = fence.exec(line) ?? [];
    const listed = item.exec(line);
    const titled = heading.exec(line);
    if (mark !== undefined) {
      flush();
      const rest = lines.slice(i + 1);
      const end = rest.findIndex((one) => closes(one.trim(), mark));
      const code = end < 0 ? rest : rest.slice(0, end);
      blocks.push({ kind: 'code', language: language.trim(), text: code.join('\n') });
      i += code.length + (end < 0 ? 0 : 1);
    } else if (line.trim() === '') flush();
    else if (titled) {
      flush();
      blocks.push({ kind: 'heading', inlines: parseInlines(titled[1] ?? '') });
    } else if (line.startsWith('>')) {
      flush();
      blocks.push({ kind: 'quote', inlines: parseInlines(line.replace(/^>\s?/, '')) });
    } else if (listed) {
      flush();
      addItem(blocks, listed[2] !== undefined, parseInlines(listed[3] ?? ''));
    } else paragraph.push(line);
  }
  flush();
  return blocks;
}

/** True if a line is nothing but the mark that began a block of code, or a longer one. */
const closes = (line: string, mark: string): boolean =>
  line.startsWith(mark) && line === (mark[0] ?? '').repeat(line.length);

/** Adds an item to the list that ends the blocks, or to a new one. */
function addItem(blocks: MarkdownBlock[], ordered: boolean, inlines: readonly Inline[]): void {
  const list = blocks.at(-1);
  if (list?.kind === 'list' && list.ordered === ordered) {
    blocks[blocks.length - 1] = { ...list, items: [...list.items, inlines] };
  } else blocks.push({ kind: 'list', ordered, items: [inlines] });
}

const marks = [
  { mark: '`', kind: 'code' },
  { mark: '**', kind: 'strong' },
  { mark: '*', kind: 'emphasis' },
] as const;

/** The parts of a text within a block. */
function parseInlines(text: string): readonly Inline[] {
  const parts: Inline[] = [];
  let begin = 0;
  const add = (until: number): void => {
    if (until > begin) parts.push({ kind: 'text', text: text.slice(begin, until) });
  };
  let i = 0;
  while (i < text.length) {
    const found = markedAt(text, i) ?? linkAt(text, i);
    if (!found) {
      i += 1;
      continue;
    }
    add(i);
    parts.push(found.part);
    i = found.end;
    begin = i;
  }
  add(text.length);
  return parts;
}

interface Found {
  readonly part: Inline;
  readonly end: number;
}

/** Longest text between two marks. */
const mostMarked = 2000;

/** Text between two marks, of which the first is at `at`. */
function markedAt(text: string, at: number): Found | undefined {
  for (const { mark, kind } of marks) {
    if (!text.startsWith(mark, at)) continue;
    const from = at + mark.length;
    const inner = text.slice(from, from + mostMarked);
    const length = inner.indexOf(mark);
    if (length <= 0 || (kind !== 'code' && /^\s|\s$/.test(inner.slice(0, length)))) return undefined;
    return { part: { kind, text: inner.slice(0, length) }, end: from + length + mark.length };
  }
  return undefined;
}

/** A link to a page of the web, of which the bracket is at `at`: [text](https://...). Others stay text. */
function linkAt(text: string, at: number): Found | undefined {
  if (text[at] !== '[') return undefined;
  const [all, label, href] =
    /^\[([^\]\n]{1,200})\]\((https?:\/\/[^\s()]{1,500})\)/.exec(text.slice(at, at + 800)) ?? [];
  if (all === undefined || label === undefined || href === undefined) return undefined;
  return { part: { kind: 'link', text: label, href }, end: at + all.length };
}
