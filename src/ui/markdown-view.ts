import { element } from './dom.ts';
import { type Inline, type MarkdownBlock, parseMarkdown } from './markdown.ts';

/** An answer in Markdown as elements. */
export const markdownView = (text: string): readonly HTMLElement[] => parseMarkdown(text).map(blockView);

function blockView(block: MarkdownBlock): HTMLElement {
  switch (block.kind) {
    case 'code':
      return element(
        'div',
        {},
        ...(block.language === '' ? [] : [element('p', { class: 'who' }, block.language)]),
        element('pre', { tabindex: 0 }, element('code', {}, block.text)),
      );
    case 'list':
      return element(
        block.ordered ? 'ol' : 'ul',
        {},
        ...block.items.map((item) => element('li', {}, ...item.map(inlineView))),
      );
    case 'heading':
      return element('h3', {}, ...block.inlines.map(inlineView));
    case 'quote':
      return element('blockquote', {}, ...block.inlines.map(inlineView));
    case 'paragraph':
      return element('p', {}, ...block.inlines.map(inlineView));
    default:
      return block satisfies never;
  }
}

const names = { code: 'code', strong: 'strong', emphasis: 'em' } as const;

function inlineView(inline: Inline): Node | string {
  if (inline.kind === 'text') return inline.text;
  if (inline.kind !== 'link') return element(names[inline.kind], {}, inline.text);
  return element('a', { href: inline.href, target: '_blank', rel: 'noopener noreferrer' }, inline.text);
}
