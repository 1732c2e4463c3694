import { formatBytes } from '../../base/bytes.ts';
import type { Device, DeviceKind } from '../../ggml/device.ts';
import type { TriedDevice } from '../../runtime/device-trial.ts';
import { type BenchReport, number, rate, readingText, secondsText } from './bench-report.ts';
import { markdownTable } from './markdown-table.ts';
import { printable } from './printable.ts';

/** The agreement of two sets of logits. */
export interface Agreement {
  /** The normalised error. */
  readonly nmse: number;
  /** Tokens whose likeliest successor is the same, and all that were compared. */
  readonly same: number;
  readonly of: number;
}

interface Versions {
  readonly program: string;
  /** The packages of ggml and libllama. */
  readonly libraries: string;
  /** NVIDIA's driver, where there is one. */
  readonly nvidia: string | null;
}

/** A device that was measured, or one that failed. */
export type DeviceReport = { readonly versions: Versions; readonly memory: number } & (
  | { readonly kind: DeviceKind; readonly failure: Error }
  | {
      readonly device: Pick<Device, 'kind' | 'name' | 'memory'>;
      /** The outcome of its test; undefined for the CPU. */
      readonly tried: TriedDevice | undefined;
      /** Lines that its library logged. */
      readonly said: readonly string[];
      /** Figures with as much in memory as there is room for, and with as little as possible. */
      readonly most: BenchReport;
      readonly least: BenchReport;
      /** Logits of the second against those of the first, and those of the first against the CPU's. */
      readonly streamed: Agreement;
      readonly cpu: Agreement | undefined;
    }
);

/** Lines of a library that are shown at most. */
const mostSaid = 40;
/** A path, which may name a person, or a machine. */
const path = /(?:^|[\s'"(=])(?:[A-Za-z]:)?[\\/]\S/;

/** A report about a device in Markdown, to be shown to others: nothing in it names a file, a person or a machine. */
export function deviceReport(report: DeviceReport): string {
  const { versions } = report;
  const { program, libraries, nvidia } = versions;
  const software = [
    ['versions', `ssd-llm ${program}, libraries ${libraries}, Node ${process.version}`],
    ...(nvidia === null ? [] : [['driver', nvidia]]),
  ];
  if ('failure' in report) {
    const { message } = report.failure;
    const error = path.test(message) ? `${message.split(path)[0]}...` : message;
    const system = ['system', `${process.platform} ${process.arch}, ${formatBytes(report.memory)}`];
    return `## ${report.kind} fails\n\n${markdownTable([['test', error], system, ...software])}`;
  }
  const { device, said, most, least } = report;
  const title = `## ${printable(device.name)} (${device.kind})`;
  const lines = said.filter((line) => !path.test(line)).slice(0, mostSaid);
  const log =
    lines.length === 0 ? '' : `\nIts library says:\n\n${lines.map((line) => `    ${printable(line)}\n`).join('')}`;
  return `${title}\n\n${markdownTable([...facts(report), ...software])}\n${markdownTable(speeds(most, least))}${log}`;
}

type MeasuredReport = Extract<DeviceReport, { most: unknown }>;

function facts({ device, tried, memory, streamed, cpu, most, least }: MeasuredReport): readonly (readonly string[])[] {
  const { machine, model, calibration } = most;
  const own = device.memory === 'apart' ? 'of its own' : "of the machine's";
  const types = Object.keys(model.types).join(', ');
  return [
    ['device', tried ? `${device.name}, ${formatBytes(tried.bytes)} ${own}` : device.name],
    ...(tried ? [['test', `passed: ${exponent(tried.difference ?? Number.NaN)} from the CPU's result`]] : []),
    ...(cpu ? [['logits against the CPU', agreementText(cpu)]] : []),
    ['logits streamed against in memory', agreementText(streamed)],
    [
      'machine',
      `${machine.cpu}${machine.cpu_variant === null ? '' : ` (${machine.cpu_variant})`}, ${formatBytes(memory)}`,
    ],
    ['threads', `${machine.threads}`],
    ['system', machine.os],
    ['storage', `${machine.device_name ? `${machine.device_name}: ` : ''}${rate(calibration.bytes_per_s)}`],
    ...(least.gpu_reading ? [['read', readingText(least.gpu_reading)]] : []),
    [
      'model',
      `${model.architecture}, ${formatBytes(model.bytes)} of ${types}, ${model.layers} layers of width ${model.width}`,
    ],
  ];
}

const exponent = (x: number): string => x.toExponential(1);
const agreementText = ({ nmse, same, of }: Agreement): string =>
  `${exponent(nmse)} apart; ${same} of ${of} likeliest tokens are the same`;

/** Figures of two benchmarks side by side. */
function speeds(most: BenchReport, least: BenchReport): readonly (readonly string[])[] {
  const row = (name: string, cell: (report: BenchReport) => string): readonly string[] => [
    name,
    cell(most),
    cell(least),
  ];
  return [
    ['', 'as much in memory as fits', 'as little as possible'],
    row('weights', ({ plan: { resident, streamed, host } }) => {
      const held = host && host.held > 0 ? `, ${formatBytes(host.held)} of them from memory` : '';
      return `${formatBytes(resident.bytes)} resident, ${formatBytes(streamed.bytes)} streamed${held}`;
    }),
    row('budget', ({ budget, plan: { host } }) =>
      host ? `${formatBytes(budget)} on the device, ${formatBytes(host.budget)} beside it` : formatBytes(budget),
    ),
    row('peak of the process', ({ memory }) => formatBytes(memory.peak)),
    row('first token', ({ first_token }) => secondsText(first_token.seconds)),
    row('prompt', ({ prefill }) => `${number(prefill.tokens_per_s)} tokens/s (${prefill.tokens} tokens)`),
    row('decode', ({ decode }) => `${number(decode.tokens_per_s)} tokens/s`),
    row('read per token', ({ decode }) => formatBytes(decode.bytes_per_token)),
    row('waiting of a token', ({ decode }) => secondsText(decode.stall_s / decode.tokens)),
    row('computing alone', ({ alone }) => `${secondsText(alone.compute_s_per_token)} per token`),
  ];
}
