import { formatBytes } from '../base/bytes.ts';
import type { EngineStatus } from '../model/engine-status.ts';
import { element, legend, panel, shape } from './dom.ts';
import { formatNumber, formatShare } from './format.ts';
import { bytesOfLayers, layerBytes } from './shares.ts';

type Layer = EngineStatus['layers'][number];

/** The model layer by layer: what stays, what streams, which experts are in memory. */
export function layersPanel(): {
  readonly section: HTMLElement;
  update(status: { readonly engine: EngineStatus | null }): void;
} {
  const { section, body } = panel('Model, layer by layer');
  const map = element('div');
  const table = element('tbody');
  const head = element(
    'tr',
    {},
    ...['Layer', 'resident', 'streams', 'experts in memory', 'keys and values'].map(headCell),
  );
  const rows = element(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Layers' },
    element('table', {}, element('thead', {}, head), table),
  );
  body.append(map, element('details', {}, element('summary', {}, 'As a table'), rows));
  return {
    section,
    update: ({ engine }) => {
      if (!engine) return;
      map.replaceChildren(...mapOf(engine));
      table.replaceChildren(...engine.layers.map(rowOf));
    },
  };
}

const headCell = (text: string, i: number): HTMLElement =>
  element('th', { scope: 'col', class: i === 0 ? '' : 'number' }, text);

function rowOf({ name, resident, streamed, kv, experts }: Layer): HTMLElement {
  const held = experts
    ? `${experts.held.length} of ${experts.of}, ${formatShare(experts.hits / Math.max(1, experts.asked))} found`
    : '';
  const cells = [
    formatBytes(resident),
    streamed > 0 ? formatBytes(streamed) : '',
    held,
    kv === 'ssd' ? 'SSD' : kv === 'ram' ? 'memory' : '',
  ];
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, name),
    ...cells.map((text) => element('td', { class: 'number' }, text)),
  );
}

function mapOf({ layers, plan, graphs, device }: EngineStatus): readonly Element[] {
  const streamed = plan.streamed.bytes;
  const onSsd = layers.filter(({ kv }) => kv === 'ssd').length;
  const about = [
    `${formatBytes(bytesOfLayers(layers))} of weights: ${formatBytes(plan.resident.bytes)} stay in memory`,
    ...(streamed > 0 ? [`${formatBytes(streamed)} stream for each token`] : []),
    ...(plan.experts ? [`${plan.experts.slots} of ${plan.experts.of} experts of a layer have a place`] : []),
    ...(onSsd > 0 ? [`keys and values of ${onSsd} layers live on the SSD`] : []),
  ];
  const { kind, threads } = device;
  const by = kind === 'cpu' ? `${formatNumber(threads)} ${threads === 1 ? 'thread' : 'threads'}` : kind;
  const computed = `${device.name}, ${by}${graphs === 'libllama' ? ', graphs of libllama' : ''}`;
  return [
    element('p', {}, `${about.join(', ')}.`),
    columnsOf(layers),
    axisOf(layers),
    legendFor(layers),
    ...(layers.some(({ experts }) => experts)
      ? [element('p', { class: 'muted' }, 'Experts in memory: a row for each layer.'), expertsOf(layers)]
      : []),
    element('p', { class: 'muted' }, `Computed by ${computed}.`),
  ];
}

/** Kinds of weights: the bytes of a layer, their colour, and their name. */
const kinds = [
  ['resident', 'resident', 'resident'],
  ['streamed', 'ring', 'streams in each pass'],
  ['expert_bytes', 'experts', 'experts, read as they are used'],
] as const;

/** Layers from left to right, each as wide as its bytes: the whole picture is the model. */
function columnsOf(layers: readonly Layer[]): SVGElement {
  const [width, height, foot] = [800, 90, 9];
  const all = bytesOfLayers(layers);
  const picture = shape('svg', {
    viewBox: `0 0 ${width} ${height + foot}`,
    preserveAspectRatio: 'none',
    height: height + foot,
    role: 'img',
    'aria-label': `Bytes of ${layers.length} layers; the table below has them`,
  });
  let x = 0;
  for (const layer of layers) {
    const bytes = layerBytes(layer);
    const wide = (width * bytes) / all;
    const column = shape('g', {}, shape('title', {}, `${layer.name}: ${formatBytes(bytes)}`));
    const bar = { x, width: Math.max(0.5, wide - 1) };
    let y = height;
    for (const [part, kind] of kinds) {
      const tall = (height * layer[part]) / bytes;
      y -= tall;
      if (tall > 0) column.append(shape('rect', { class: kind, y, height: tall, ...bar }));
    }
    if (layer.kv === 'ssd') column.append(shape('rect', { class: 'kv', y: height + 4, height: 4, ...bar }));
    picture.append(column);
    x += wide;
  }
  return picture;
}

/** Names below the layers: those of a kind have one together. */
function axisOf(layers: readonly Layer[]): HTMLElement {
  const axis = element('div', { class: 'axis', 'aria-hidden': 'true' });
  for (const [kind, first, last, bytes] of runsOf(layers)) {
    const name = element('span', {}, first === last ? first : `${first} to ${last.slice(kind.length)}`);
    name.style.flex = `${bytes} 1 0`;
    axis.append(name);
  }
  return axis;
}

/** Layers of one kind after one another: their kind, the first, the last, and their bytes. */
function runsOf(
  layers: readonly Layer[],
): readonly (readonly [kind: string, first: string, last: string, bytes: number])[] {
  const runs: [string, string, string, number][] = [];
  for (const layer of layers) {
    const kind = layer.name.replace(/\d+$/, '');
    const run = runs.at(-1);
    if (run?.[0] === kind) {
      run[2] = layer.name;
      run[3] += layerBytes(layer);
    } else runs.push([kind, layer.name, layer.name, layerBytes(layer)]);
  }
  return runs;
}

function legendFor(layers: readonly Layer[]): HTMLElement {
  const shown = kinds.filter(([bytes]) => layers.some((layer) => layer[bytes] > 0));
  const onSsd = layers.some(({ kv }) => kv === 'ssd') ? [{ kind: 'kv', name: 'keys and values on the SSD' }] : [];
  return legend([...shown.map(([, kind, name]) => ({ kind, name })), ...onSsd]);
}

/** A row for each layer with experts, and in it a cell for each expert that is in memory. */
function expertsOf(layers: readonly Layer[]): SVGElement {
  const rows = layers.flatMap(({ experts }) => (experts ? [experts] : []));
  const most = Math.max(...rows.map(({ of }) => of));
  const height = 5;
  const cells = rows.flatMap(({ held }, y) => held.map((expert) => `M${expert} ${y * height}h.8v${height - 1}h-.8z`));
  return shape(
    'svg',
    {
      viewBox: `0 0 ${most} ${rows.length * height}`,
      preserveAspectRatio: 'none',
      height: rows.length * height,
      role: 'img',
      'aria-label': `Experts in memory, by ${rows.length} layers and ${most} experts`,
    },
    shape('rect', { class: 'track', x: 0, y: 0, width: most, height: rows.length * height }),
    shape('path', { class: 'experts', d: cells.join('') }),
  );
}
