type Child = Node | string;

/** An element with properties or attributes, and children. Texts stay texts: nothing is ever read as HTML. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string | number | undefined>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, `${value}`);
  made.append(...children);
  return made;
}

/** An element of a picture. */
export function shape(
  name: 'svg' | 'g' | 'rect' | 'path' | 'title',
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: readonly Child[]
): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, `${value}`);
  made.append(...children);
  return made;
}

/** An element of the page by its id. */
export function byId<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

/** A part of the page with a title, and a place for what it shows. */
export function panel(title: string): { readonly section: HTMLElement; readonly body: HTMLElement } {
  const id = `title-${title.toLowerCase().replace(/\W+/g, '-')}`;
  const body = element('div');
  const section = element('section', { class: 'panel', 'aria-labelledby': id }, element('h2', { id }, title), body);
  return { section, body };
}

/** A figure with its name. `data` is the value that the status has, for those who read the page by program. */
export const figure = (
  name: string,
  value: string,
  data?: { readonly name: string; readonly value: number },
): HTMLElement =>
  element(
    'div',
    {},
    element('dt', {}, name),
    element('dd', { 'data-figure': data?.name, 'data-value': data?.value }, value),
  );

/** A row of a legend: the colour of a kind, its name, and a value if it has one. */
interface LegendRow {
  readonly kind: string;
  readonly name: string;
  readonly value?: string;
}

/** The list of what colours stand for. */
export const legend = (rows: readonly LegendRow[]): HTMLElement =>
  element(
    'ul',
    { class: 'legend' },
    ...rows.map(({ kind, name, value }) =>
      element(
        'li',
        {},
        element('span', { class: `swatch ${kind}`, 'aria-hidden': 'true' }),
        element('span', {}, name),
        ...(value === undefined ? [] : [element('span', { class: 'value' }, value)]),
      ),
    ),
  );
