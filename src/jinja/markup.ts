import type { RenderMeter } from './meter.ts';
import { pythonStr } from './print.ts';
import { Markup, type Value } from './values.ts';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '>': '&gt;',
  '<': '&lt;',
  "'": '&#39;',
  '"': '&#34;',
};

/** A value as text in HTML; marked text stays as it is. */
export function escapeHtml(meter: RenderMeter, value: Value): Markup {
  return value instanceof Markup ? value : escapeText(meter, pythonStr(meter, value));
}

export function escapeText(meter: RenderMeter, text: string): Markup {
  // An entity has six characters at most.
  meter.text(6 * text.length);
  return new Markup(text.replace(/[&<>'"]/g, (character) => entities[character] as string));
}
