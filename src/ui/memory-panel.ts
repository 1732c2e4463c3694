import { formatBytes } from '../base/bytes.ts';
import type { RunningEngine } from '../worker/server-status.ts';
import { element, panel } from './dom.ts';
import type { StatusPanel } from './panels.ts';
import { shareBar } from './share-bar.ts';
import { sharesOf } from './shares.ts';

/** The budget by its shares, and what the process takes of it. */
export function memoryPanel(): StatusPanel {
  const { section, body } = panel('Memory');
  return {
    section,
    update: ({ engine, server }) => {
      if (engine) body.replaceChildren(...memoryOf(engine, server.rss));
    },
  };
}

function memoryOf(engine: RunningEngine, serverBytes: number): readonly HTMLElement[] {
  const { plan, process: taken } = engine;
  if (plan.host) return apartOf(engine, plan.host, serverBytes);
  const now = element('span', { 'data-figure': 'rss', 'data-value': taken.rss }, formatBytes(taken.rss));
  return [
    element('p', { class: 'figure' }, now, element('small', {}, ` of ${formatBytes(plan.budget)}`)),
    element(
      'p',
      { class: 'muted' },
      `The engine's process keeps to ${formatBytes(plan.budget)}, whatever is asked of it. It never took more than ${formatBytes(taken.peak)}; ` +
        `the line marks what it takes now. The server beside it takes ${formatBytes(serverBytes)}.`,
    ),
    ...shareBar(sharesOf(plan), plan.budget, taken.rss),
  ];
}

/** The memory of a device that has its own by its shares, and the process's beside it. */
function apartOf(
  { plan, process: taken, device }: RunningEngine,
  host: NonNullable<RunningEngine['plan']['host']>,
  serverBytes: number,
): readonly HTMLElement[] {
  const now = element('span', { 'data-figure': 'rss', 'data-value': taken.rss }, formatBytes(taken.rss));
  const streamed = host.held > 0 ? `, with ${formatBytes(host.held)} of weights that are uploaded for each token` : '';
  return [
    element('p', { class: 'figure' }, now, element('small', {}, ` of ${formatBytes(host.budget)}`)),
    element(
      'p',
      { class: 'muted' },
      `The engine's process keeps to ${formatBytes(host.budget)}${streamed}. It never took more than ${formatBytes(taken.peak)}. ` +
        `${device.name} has memory of its own, of which ${formatBytes(plan.budget)} may be taken, as below. ` +
        `The server beside it takes ${formatBytes(serverBytes)}.`,
    ),
    ...shareBar(sharesOf(plan), plan.budget),
  ];
}
