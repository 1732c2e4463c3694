import { formatBytes } from '../../base/bytes.ts';
import type { GenerationStats } from '../../engine/generation-stats.ts';
import type { ReadFinding } from '../../exec/read-tuner.ts';
import type { BenchmarkRound, FirstToken } from '../../model/benchmark.ts';
import type { BenchmarkFigures, FigureRange } from '../../model/benchmark-figures.ts';
import type { PlanSummary } from '../../plan/explain.ts';
import type { ModelDescription } from './describe.ts';
import { markdownTable } from './markdown-table.ts';
import { escapeUnprintable, printable } from './printable.ts';
import { wrapLine } from './word-wrap.ts';

/** The results of a benchmark: bytes and seconds, unless the name says otherwise; medians, unless it says rounds. */
export interface BenchReport extends BenchmarkFigures {
  readonly machine: {
    readonly cpu: string;
    /** The CPU variant of ggml that computes, if there are several. */
    readonly cpu_variant: string | null;
    readonly threads: number;
    /** The device that computes, if it is not the CPU. */
    readonly gpu: string | null;
    readonly os: string;
    readonly node: string;
    /** The device that holds the model, if the system tells its name. */
    readonly device_name: string | null;
  };
  /** Whether a GPU is read for while it computes single tokens; null where that was not measured, and for a CPU. */
  readonly gpu_reading: ReadFinding | null;
  readonly model: ModelDescription;
  readonly plan: PlanSummary;
  readonly budget: number;
  /** True if the page cache was emptied of the model before it was opened. */
  readonly cold: boolean;
  readonly calibration: {
    readonly bytes_per_s: number;
    readonly chunk: number;
    readonly in_flight: number;
    readonly direct: boolean;
  };
  readonly first_token: FirstToken;
  readonly memory: GenerationStats['memory'];
  readonly rounds: readonly Omit<BenchmarkRound, 'memory'>[];
}

/** The forms of a printed report, each with a newline at its end; text is for a screen of so many columns. */
export const reportFormats = {
  text: (report: BenchReport, columns: number): string => aligned(benchRows(report), columns),
  md: (report: BenchReport): string => markdownTable(benchRows(report)),
  json: (report: BenchReport): string => `${escapeUnprintable(JSON.stringify(report, undefined, 2))}\n`,
  csv: (report: BenchReport): string => csv(report),
} as const;

export type ReportFormat = keyof typeof reportFormats;

type Row = readonly [what: string, found: string];

/** The way in which a GPU is read for, and how much longer the other one takes. */
export const readingText = ({ beside, between }: ReadFinding): string =>
  beside
    ? `while it computes; between steps a token takes ${number(between)} times as long`
    : `between steps; while it computes a token takes ${number(1 / between)} times as long`;

/** The report as a table. */
export function benchRows(report: BenchReport): readonly Row[] {
  const { machine, calibration, prefill, decode, speculation, experts, alone, spread, memory } = report;
  const { name, architecture } = report.model;
  const { cpu, cpu_variant, threads, gpu, os, node, device_name } = machine;
  const kernels = cpu_variant === null ? '' : ` (${cpu_variant})`;
  const { resident, streamed, context } = report.plan;
  const first = report.first_token;
  const perToken = (seconds: number): string => secondsText(seconds / decode.tokens);
  return [
    [`${name} (${architecture})`, `${formatBytes(resident.bytes)} resident, ${formatBytes(streamed.bytes)} streamed`],
    ...(gpu === null ? [] : [['computes', gpu] as const]),
    ['machine', `${cpu}${kernels}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${os}, Node ${node}`],
    ['memory', `budget ${formatBytes(report.budget)}, peak ${formatBytes(memory.peak)}, context ${context} tokens`],
    [
      'device',
      `${device_name ? `${device_name}: ` : ''}${rate(calibration.bytes_per_s)} with ${calibration.in_flight} in flight, ` +
        `${formatBytes(calibration.chunk)} each, ${calibration.direct ? 'past' : 'through'} the page cache`,
    ],
    [
      `first token, ${report.cold ? 'cold' : 'warm'}`,
      `${secondsText(first.seconds)} from opening the model; read ${formatBytes(first.bytes_read)}`,
    ],
    [
      'prefill',
      `${number(prefill.tokens_per_s)} tokens/s${range(spread.prefill_tokens_per_s)}: ${prefill.tokens} tokens, ` +
        `the next after ${secondsText(prefill.ttft_ms / 1000)}; read ${formatBytes(prefill.bytes_read)}`,
    ],
    [
      'decode',
      `${number(decode.tokens_per_s)} tokens/s${range(spread.decode_tokens_per_s)}: ${perToken(decode.seconds)} and ` +
        `${formatBytes(decode.bytes_per_token)} per token`,
    ],
    [
      'of a token',
      `reading ${perToken(decode.io_s)}, computing ${perToken(decode.compute_s)}, waiting for weights ${perToken(decode.stall_s)}`,
    ],
    ...(speculation === null
      ? []
      : [
          [
            'drafted',
            `${number(speculation.accepted)} of ${number(speculation.drafted)} tokens accepted: ${number(speculation.tokens_per_pass)} tokens per pass`,
          ] as const,
        ]),
    ...(experts === null
      ? []
      : [
          [
            'experts',
            `${number(experts.hits)} of ${number(experts.asked)} found in memory; ` +
              `reading ${formatBytes(experts.bytes_read / decode.tokens)} and waiting ${perToken(experts.stall_s)} per token`,
          ] as const,
        ]),
    ...(alone.bytes_per_s === null || spread.bytes_per_s === null
      ? []
      : [
          [
            'reading alone',
            `${rate(alone.bytes_per_s)}${range(spread.bytes_per_s, rate)}: ${secondsText(decode.bytes_per_token / alone.bytes_per_s)} per token`,
          ] as const,
        ]),
    ...(report.gpu_reading ? [['weights are read', readingText(report.gpu_reading)] as const] : []),
    ['computing alone', `${secondsText(alone.compute_s_per_token)} per token`],
    ['fraction of limit', `${decode.fraction_of_limit.toFixed(3)}${range(spread.fraction_of_limit, fraction)}`],
  ];
}

/** A number of three digits: 1.62, 12.3, 310. */
export const number = (n: number): string => (n >= 100 ? `${Math.round(n)}` : `${Number(n.toPrecision(3))}`);
const fraction = (n: number): string => n.toFixed(3);
export const rate = (bytes: number): string => `${formatBytes(bytes)}/s`;
export const secondsText = (seconds: number): string =>
  seconds < 1 ? `${number(seconds * 1000)} ms` : `${number(seconds)} s`;
const range = ([least, most]: FigureRange, format = number): string => ` (${format(least)} to ${format(most)})`;

/** A line of the first row, and one or more of each other, whose second cells stand below each other. */
function aligned([heading = ['', ''], ...body]: readonly Row[], columns: number): string {
  const width = Math.max(...body.map(([what]) => what.length)) + 2;
  const lines = body.flatMap(([what, found]) =>
    wrapLine(printable(found), columns - width - 2).map(
      (line, i) => `  ${(i === 0 ? what : '').padEnd(width)}${line.trim()}`,
    ),
  );
  return [...wrapLine(printable(heading.join(': ')), columns), ...lines].map((line) => `${line.trimEnd()}\n`).join('');
}

const noExperts = { asked: null, hits: null, bytes_read: null, stall_s: null };
const noSpeculation = { drafted: null, accepted: null, passes: null, tokens_per_pass: null };

/** A line of names and one of values, without figures that depend on the model's types or are no medians. */
function csv({ rounds: _, spread: __, plan: ___, ...report }: BenchReport): string {
  const { path, name, architecture, parameters, bytes } = report.model;
  const model = { path, name, architecture, parameters, bytes };
  const columns = flatten({
    ...report,
    model,
    speculation: report.speculation ?? noSpeculation,
    experts: report.experts ?? noExperts,
  });
  const line = (values: readonly unknown[]): string => `${values.map(csvCell).join(',')}\n`;
  return line(columns.map(([name]) => name)) + line(columns.map(([, value]) => value));
}

/** Flat entries of an object: {a: {b: 1}} -> [['a.b', 1]]. */
const flatten = (value: object, prefix = ''): readonly (readonly [string, unknown])[] =>
  Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
    typeof inner === 'object' && inner !== null
      ? flatten(inner, `${prefix}${name}.`)
      : [[`${prefix}${name}`, inner] as const],
  );

function csvCell(value: unknown): string {
  const text = value === null ? '' : `${value}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
