import { formatBytes } from '../base/bytes.ts';
import type { WhatIf } from '../model/what-if.ts';
import type { RunningEngine } from '../worker/server-status.ts';
import { element, panel } from './dom.ts';
import { formatNumber, formatSpeed } from './format.ts';
import type { StatusPanel } from './panels.ts';
import { askPlan } from './server.ts';
import { shareBar } from './share-bar.ts';
import { bytesOfLayers, sharesOf } from './shares.ts';

const MiB = 2 ** 20;
/** Milliseconds that a slider rests before a plan is asked for. */
const rest = 150;
/** Bytes of a step of the slider of the budget, by the most that it goes to. */
const stepOf = (most: number): number => (most < 4096 * MiB ? MiB : 64 * MiB);

/** Sliders over what a plan depends on, and the plan and its speed beside them. */
export function whatIfPanel(): StatusPanel {
  const { section, body } = panel('What if');
  const budget = slider('Memory budget', 2);
  const context = slider('Context', 1);
  const parallel = slider('At once', 16);
  const kvType = element(
    'select',
    { id: 'if-kv', class: 'wide' },
    ...['f16', 'q8_0', 'q4_0'].map((type) => element('option', {}, type)),
  );
  const draft = element('input', { type: 'checkbox', id: 'if-draft' });
  const drafts = [element('label', { for: 'if-draft' }, 'Drafts'), element('span', { class: 'wide' }, draft)];
  const reset = element('button', { type: 'button' }, 'As it is');
  const controls = element(
    'div',
    { class: 'controls' },
    ...[budget, context, parallel].flatMap(({ label, input, output }) => [label, input, output]),
    element('label', { for: 'if-kv' }, 'Keys and values as'),
    kvType,
    ...drafts,
  );
  const result = element('div', { class: 'result', role: 'status' });
  body.append(controls, reset, result);

  let engine: RunningEngine | undefined;
  let most = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = new AbortController();
  /** Powers of two up to the context that the model was trained for, and the one that it has. */
  const contexts = ({ trained_context, context }: RunningEngine['plan']): readonly number[] => {
    const powers = Array.from({ length: 24 }, (_, i) => 2 ** (i + 8)).filter((tokens) => tokens < trained_context);
    return [...new Set([...powers, trained_context, context])].sort((a, b) => a - b);
  };
  const values = (of: RunningEngine) => ({
    budget: Number(budget.input.value) * stepOf(most),
    context: contexts(of.plan)[Number(context.input.value)] ?? of.plan.context,
    parallel: Number(parallel.input.value),
  });
  const say = (of: RunningEngine): void => {
    const now = values(of);
    budget.output.value = formatBytes(now.budget);
    context.output.value = `${formatNumber(now.context)} tokens`;
    parallel.output.value = `${now.parallel}`;
  };
  const ask = async (of: RunningEngine): Promise<void> => {
    asked.abort();
    asked = new AbortController();
    const { signal } = asked;
    const changes = { model: of.model.name, ...values(of), kv_type: kvType.value, draft: draft.checked };
    try {
      const found = await askPlan(changes, signal);
      result.replaceChildren(...resultOf(found));
    } catch (error) {
      if (signal.aborted) return;
      result.replaceChildren(element('p', { class: 'error' }, (error as Error).message));
    }
    result.ariaBusy = 'false';
  };
  /** Puts the sliders where the engine is. */
  const adopt = (of: RunningEngine): void => {
    engine = of;
    const { plan, layers } = of;
    most = Math.max(
      1.5 * plan.budget,
      1.25 * (bytesOfLayers(layers) + plan.memory.runtime + plan.memory.kv + plan.memory.compute),
    );
    budget.input.max = `${Math.ceil(most / stepOf(most))}`;
    budget.input.value = `${Math.round(plan.budget / stepOf(most))}`;
    const all = contexts(plan);
    context.input.max = `${all.length - 1}`;
    context.input.value = `${all.indexOf(plan.context)}`;
    parallel.input.value = `${plan.parallel}`;
    kvType.value = plan.kv_type;
    draft.checked = plan.ahead > 0;
    for (const part of drafts) part.hidden = plan.ahead === 0;
    say(of);
    result.ariaBusy = null;
    result.replaceChildren(element('p', { class: 'muted' }, 'Move something: the plan and its speed appear here.'));
  };
  controls.addEventListener('input', () => {
    if (!engine) return;
    const of = engine;
    say(of);
    if (result.ariaBusy === null) result.replaceChildren(element('p', { class: 'muted' }, 'Planning …'));
    result.ariaBusy = 'true';
    clearTimeout(timer);
    timer = setTimeout(() => void ask(of), rest);
  });
  reset.addEventListener('click', () => engine && adopt(engine));
  return {
    section,
    update: ({ engine: now }) => {
      const changed =
        now &&
        (now.model.name !== engine?.model.name ||
          now.plan.budget !== engine.plan.budget ||
          now.plan.context !== engine.plan.context);
      if (now && changed) adopt(now);
    },
  };
}

function slider(name: string, max: number): { label: HTMLElement; input: HTMLInputElement; output: HTMLOutputElement } {
  const id = `if-${name.toLowerCase().replace(/\W+/g, '-')}`;
  return {
    label: element('label', { for: id }, name),
    input: element('input', { type: 'range', id, min: max === 1 ? 0 : 1, max, step: 1 }),
    output: element('output', { for: id }),
  };
}

function resultOf(found: WhatIf): readonly HTMLElement[] {
  if (!found.plan) {
    return [element('p', { class: 'error' }, `Too little: the model needs ${formatBytes(found.needed)}.`)];
  }
  const { plan, speed } = found;
  const by = speed?.bound === 'reading' ? 'the SSD' : 'computing';
  const rate = speed
    ? `about ${formatSpeed(speed.tokens_per_s)} tokens a second`
    : 'no speed is known yet: ask the model something first';
  const about = [
    speed ? `limited by ${by}` : '',
    `${formatBytes(plan.resident.bytes)} resident`,
    plan.bytes_per_token > 0 ? `${formatBytes(plan.bytes_per_token)} read for each token` : 'nothing is read',
    plan.experts ? `${plan.experts.slots} of ${plan.experts.of} experts of a layer in memory` : '',
    plan.kv_on_ssd.layers > 0 ? `keys and values of ${plan.kv_on_ssd.layers} layers on the SSD` : '',
  ].filter((part) => part !== '');
  return [
    element('p', { class: speed ? 'figure' : 'muted' }, rate),
    element('p', { class: 'muted' }, `${about.join(', ')}.`),
    ...shareBar(sharesOf(plan), plan.budget),
  ];
}
