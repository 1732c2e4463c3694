import { formatBytes } from '../base/bytes.ts';
import { element, legend } from './dom.ts';
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
  return [bar, legend(shares.map(({ kind, name, bytes }) => ({ kind, name, value: formatBytes(bytes) })))];
}

/** A part of a whole as a thin bar. */
export function meter(share: number, kind: string, label: string): HTMLElement {
  const bounded = Math.min(1, Math.max(0, share));
  const piece = element('i', { class: kind });
  piece.style.flex = `0 0 ${100 * bounded}%`;
  const attributes = { 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(100 * bounded) };
  return element('div', { class: 'bar thin', role: 'meter', 'aria-label': label, ...attributes }, piece);
}
