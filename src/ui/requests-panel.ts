import type { SequenceStatus } from '../model/engine-status.ts';
import { element, figure, panel } from './dom.ts';
import { formatNumber, formatSeconds, formatShare, formatTokens } from './format.ts';
import type { StatusPanel } from './panels.ts';
import type { ServerStatus } from './server.ts';
import { meter } from './share-bar.ts';
import { figureData, figureOf } from './shares.ts';

/** Texts that are computed and requests that wait, prefixes that were found, drafts that were accepted. */
export function requestsPanel(): StatusPanel {
  const { section, body } = panel('Requests');
  return { section, update: (status) => body.replaceChildren(...requestsOf(status)) };
}

function requestsOf({ figures, engine }: ServerStatus): readonly HTMLElement[] {
  const of = (name: string): number => figureOf(figures, name);
  const prompts = of('prefix_cache_hits_total') + of('prefix_cache_misses_total');
  const drafted = of('tokens_drafted_total');
  const places = engine ? ` of ${engine.plan.parallel}` : '';
  const shown: HTMLElement[] = [
    element(
      'dl',
      { class: 'figures' },
      figure(
        'Computed now',
        `${formatNumber(of('sequences_active'))}${places}`,
        figureData(figures, 'sequences_active'),
      ),
      figure('Waiting', formatNumber(Math.max(0, of('requests_pending') - of('sequences_active')))),
      figure(
        'Prompts with a known beginning',
        `${formatNumber(of('prefix_cache_hits_total'))} of ${formatNumber(prompts)}`,
        figureData(figures, 'prefix_cache_hits_total'),
      ),
      figure(
        'Prompt tokens',
        `${formatNumber(of('prompt_tokens_total'))} computed, ${formatNumber(of('prompt_tokens_cached_total'))} known`,
        figureData(figures, 'prompt_tokens_total'),
      ),
      figure(
        'Drafts accepted',
        drafted > 0 ? `${formatShare(of('tokens_accepted_total') / drafted)} of ${formatNumber(drafted)}` : 'no drafts',
        figureData(figures, 'tokens_accepted_total'),
      ),
    ),
  ];
  const sequences = engine?.sequences ?? [];
  if (sequences.length > 0) shown.push(element('div', {}, ...sequences.map(sequenceOf)));
  return shown;
}

function sequenceOf(sequence: SequenceStatus): HTMLElement {
  const { state, prompt_tokens, prompt_done, cached_tokens, answer_tokens, seconds, eta_s } = sequence;
  const known = cached_tokens > 0 ? `, ${formatNumber(cached_tokens)} known` : '';
  if (state === 'answer') {
    return element(
      'p',
      {},
      `Answer: ${formatTokens(answer_tokens)} after ${formatSeconds(seconds)}; prompt of ${formatNumber(prompt_tokens)}${known}`,
    );
  }
  const what = state === 'prompt' ? 'Prompt' : 'Text to embed';
  const left = eta_s === null ? '' : `, ${formatSeconds(eta_s)} left`;
  const share = prompt_done / prompt_tokens;
  return element(
    'div',
    {},
    element('p', {}, `${what}: ${formatNumber(prompt_done)} of ${formatNumber(prompt_tokens)} tokens${known}${left}`),
    meter(share, 'computing', `${what}, computed so far`),
  );
}
