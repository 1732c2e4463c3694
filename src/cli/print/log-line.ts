import { roughly } from './duration.ts';
import { printable } from './printable.ts';

type Entry = Readonly<Record<string, unknown>>;

/** Pino's numbers of levels that are worth a word. */
const levels: Readonly<Record<number, string>> = { 40: 'warning: ', 50: 'error: ', 60: 'error: ' };

/** An entry of the log, in pino's JSON, as a line for people: the time of day, and what happened. */
export function logLine(json: string): string {
  const { time, level, msg, ...facts } = JSON.parse(json) as Entry;
  const clock = new Date(`${time}`).toTimeString().slice(0, 8);
  const said =
    msg === 'request' ? requestText(facts) : `${levels[Number(level)] ?? ''}${msg}${factsText(Number(level), facts)}`;
  return `${clock}  ${printable(said)}`;
}

/** "200 POST /api/chat  pocket:135m  37+96 tokens  23.1 tokens/s  4.5 s" */
function requestText({ method, path, status, seconds, model, prompt_tokens, tokens, tokens_per_s }: Entry): string {
  return [
    `${status} ${method} ${path}`,
    model,
    tokens === undefined ? undefined : `${prompt_tokens}+${tokens} tokens`,
    tokens_per_s === undefined ? undefined : `${tokens_per_s} tokens/s`,
    roughly(Number(seconds)),
  ]
    .filter((part) => part !== undefined)
    .join('  ');
}

/** Facts that people want to know. */
const toldFacts: readonly string[] = ['model', 'path', 'reason', 'signal', 'code', 'warnings', 'stack'];
/** Pino's number of entries for those who want to know all. */
const debugLevel = 20;

function factsText(level: number, facts: Entry): string {
  const told = Object.entries(facts)
    .filter(([name]) => level <= debugLevel || toldFacts.includes(name))
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return told.length === 0 ? '' : ` (${told.join(', ')})`;
}
