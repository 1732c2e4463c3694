import { formatBytes } from '../base/bytes.ts';
import type { BenchPageData } from './bench-page-data.ts';
import { byId, element, panel } from './dom.ts';
import { layersPanel } from './layers-panel.ts';
import { shareBar } from './share-bar.ts';
import { sharesOf } from './shares.ts';
import { lastPassOf } from './speed-panel.ts';

/** The benchmark as a table. */
function figures({ rows }: BenchPageData): HTMLElement {
  const { section, body } = panel('Measured');
  const cells = rows.map(([name, found]) =>
    element('tr', {}, element('th', { scope: 'row' }, name), element('td', {}, found)),
  );
  body.append(element('table', {}, element('tbody', {}, ...cells)));
  return section;
}

/** The last token from left to right. */
function lastToken({ engine }: BenchPageData): HTMLElement {
  const { section, body } = panel('One token');
  body.append(...lastPassOf(engine));
  return section;
}

/** The budget by its shares, with a mark at the most that the process took. */
function memory({ engine: { plan, process: taken, device } }: BenchPageData): HTMLElement {
  const { section, body } = panel('Memory');
  const { host, budget } = plan;
  const kept = `The process kept to ${formatBytes(host?.budget ?? budget)}`;
  const text = host
    ? `${kept}, and took ${formatBytes(taken.peak)} at most. Below is the memory of ${device.name}.`
    : `${kept}; the line marks the most that it took, ${formatBytes(taken.peak)}.`;
  body.append(element('p', {}, text), ...shareBar(sharesOf(plan), budget, host ? undefined : taken.peak));
  return section;
}

/** The model, layer by layer. */
function layers({ engine }: BenchPageData): HTMLElement {
  const { section, update } = layersPanel();
  update({ engine });
  return section;
}

const data = JSON.parse(byId('data').textContent ?? '') as BenchPageData;
const day = new Date(data.time).toISOString().slice(0, 10);
byId('headline').textContent = `${data.model} · measured on ${day} · version ${data.version}`;
byId('status').append(figures(data), lastToken(data), memory(data), layers(data));
