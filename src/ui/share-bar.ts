import { formatBytes } from '../base/bytes.ts';
import { element } from './dom.ts';
import type { Share } from './shares.ts';

/** Parts as a bar, and a list of them. A `mark` is bytes at which a line is drawn. */
export function shareBar(shares: readonly Share[], total: number, mark?: number): readonly HTMLElement[] {
  const part = (bytes: number): string => `${(100 * bytes) / total}%`;
  const bar = element('div', { class: 'bar', 'aria-hidden': 'true' });
  for (const { kind, bytes } of shares) {
    const piece = element('i', { class: kind });
    piece.style.flex = `0 0 ${part(bytes)}`;
    bar.append(piece);
  }
  if (mark !== undefined) {
    const line = element('b');
    line.style.left = `calc(${part(Math.min(mark, total))} - 2px)`;
    bar.append(line);
  }
  const list = element('ul', { class: 'legend' });
  for (const { kind, name, bytes } of shares) {
    const swatch = element('span', { class: `swatch ${kind}`, 'aria-hidden': 'true' });
    list.append(
      element('li', {}, swatch, element('span', {}, name), element('span', { class: 'value' }, formatBytes(bytes))),
    );
  }
  return [bar, list];
}

/** A part of a whole as a thin bar. */
export function meter(share: number, kind: string, label: string): HTMLElement {
  const bounded = Math.min(1, Math.max(0, share));
  const piece = element('i', { class: kind });
  piece.style.flex = `0 0 ${100 * bounded}%`;
  const attributes = { 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(100 * bounded) };
  return element('div', { class: 'bar thin', role: 'meter', 'aria-label': label, ...attributes }, piece);
}
