import { formatBytes } from '../base/bytes.ts';
import type { EngineStatus } from '../model/engine-status.ts';
import { element, figure, legend, panel } from './dom.ts';
import { formatNumber, formatRate, formatSeconds, formatShare, formatSpeed } from './format.ts';
import type { StatusPanel } from './panels.ts';
import type { ServerStatus } from './server.ts';
import { meter } from './share-bar.ts';
import { figureData, figureOf, type Rates } from './shares.ts';
import { timeline } from './timeline.ts';

/** The rates of tokens and of reading, and the last pass as a timeline. */
export function speedPanel(): StatusPanel {
  const { section, body } = panel('Speed');
  return {
    section,
    update: (status, rates) =>
      body.replaceChildren(...ratesOf(status, rates), ...(status.engine ? lastPassOf(status.engine) : [])),
  };
}

function ratesOf({ figures, engine }: ServerStatus, rates: Rates): readonly HTMLElement[] {
  const written = figureOf(figures, 'bytes_written_total');
  const read = rates.per('bytes_read_total', 'read_seconds_total');
  const limit = engine?.storage.limit ?? undefined;
  const rate = read === undefined ? 'nothing is read' : formatRate(read);
  const shown: HTMLElement[] = [
    element(
      'dl',
      { class: 'figures' },
      figure('Tokens a second', formatSpeed(rates.perSecond('tokens_generated_total'))),
      figure(
        'SSD, while it reads',
        limit === undefined || read === undefined ? rate : `${rate} of ${formatRate(limit)}`,
      ),
      figure(
        'Tokens of answers',
        formatNumber(figureOf(figures, 'tokens_generated_total')),
        figureData(figures, 'tokens_generated_total'),
      ),
      figure(
        'Read in all',
        formatBytes(figureOf(figures, 'bytes_read_total')),
        figureData(figures, 'bytes_read_total'),
      ),
      figure(
        'Written',
        written > 0 ? formatBytes(written) : 'none, reads only',
        figureData(figures, 'bytes_written_total'),
      ),
    ),
  ];
  if (limit !== undefined && read !== undefined)
    shown.push(meter(read / limit, 'reading', 'Rate of the SSD by its limit'));
  if (engine && limit === undefined) {
    shown.push(element('p', { class: 'muted' }, "The SSD's limit is not measured yet: ssd-llm bench does that."));
  }
  return shown;
}

/** The last pass in a sentence, and as a timeline; nothing before there is one. */
export function lastPassOf({ last_pass: pass }: Pick<EngineStatus, 'last_pass'>): readonly Element[] {
  if (!pass) return [];
  const { seconds, reading_s, waiting_s, computing_s, answer_tokens, prompt_tokens, bytes, bound } = pass;
  const tokens = [
    ...(answer_tokens > 0 ? [`${formatNumber(answer_tokens)} of answers`] : []),
    ...(prompt_tokens > 0 ? [`${formatNumber(prompt_tokens)} of prompts`] : []),
  ].join(', ');
  const by = bound === 'reading' ? 'the SSD' : 'computing';
  const whole = answer_tokens === 1 && prompt_tokens === 0 ? 'The last token' : `The last pass (tokens: ${tokens})`;
  const title = element(
    'p',
    {},
    `${whole} took ${formatSeconds(seconds)}, limited by ${by} (${formatShare((bound === 'reading' ? reading_s : computing_s) / seconds)} of the time); ` +
      `${formatBytes(bytes)} were read.`,
  );
  const parts = Object.entries({ reading: reading_s, waiting: waiting_s, computing: computing_s });
  const rows = parts.map(([kind, spent]) => ({ kind, name: kind, value: formatSeconds(spent) }));
  return [title, timeline(pass), legend(rows)];
}
