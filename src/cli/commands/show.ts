import { at } from '../../base/at.ts';
import { Library } from '../../library/library.ts';
import { type ShownModel, showModel } from '../../library/show-model.ts';
import { locateModels } from '../locate-model.ts';
import type { Settings } from '../options/table.ts';
import { columns } from '../print/columns.ts';
import { write, writeJson } from '../print/output.ts';
import { printable } from '../print/printable.ts';

/** Lines of a long text that an overview shows. */
const mostLines = 4;

/** Prints what comes with a model, or one part of that. */
export async function showCommand(settings: Settings, operands: readonly string[]): Promise<void> {
  const found = await locateModels(operands, settings);
  const failed = (_: string, error: Error): never => {
    throw error;
  };
  const library = new Library({ files: [], folder: undefined, found }, failed);
  const model = at(library.models(), 0);
  const shown = showModel(model, model.path);
  if (settings.json) return writeJson(shown);
  const text = settings.part === undefined ? overview(shown, settings.verbose) : shown[settings.part];
  await write(text.endsWith('\n') || text === '' ? text : `${text}\n`);
}

/** A model as Ollama's command shows it. */
function overview({ model_info, details, ...model }: ShownModel, verbose: boolean): string {
  const { parameter_size, quantization_level } = details;
  const family = String(model_info['general.architecture']);
  const figure = (name: string, key: string): readonly (readonly [string, string])[] => {
    const value = model_info[`${family}.${key}`];
    return typeof value === 'number' ? [[name, String(value)]] : [];
  };
  const sections: readonly (readonly [string, readonly (readonly string[])[]])[] = [
    [
      'Model',
      [
        ['architecture', family],
        ['parameters', parameter_size],
        ...figure('context length', 'context_length'),
        ...figure('embedding length', 'embedding_length'),
        ['quantization', quantization_level],
      ],
    ],
    ['Capabilities', model.capabilities.map((capability) => [capability])],
    ['Parameters', model.parameters.split('\n').map((line) => line.split(/ +(.*)/).slice(0, 2))],
    ['Metadata', verbose ? Object.entries(model_info).map(([key, value]) => [key, JSON.stringify(value)]) : []],
    ['System', firstLines(model.system)],
    ['License', firstLines(model.license)],
  ];
  return sections
    .filter(([, rows]) => rows.some((row) => row.join('') !== ''))
    .map(
      ([heading, rows]) =>
        `  ${heading}\n${columns(rows.map((row) => row.map(printable)))
          .map((line) => `    ${line}\n`)
          .join('')}\n`,
    )
    .join('');
}

function firstLines(text: string): readonly (readonly string[])[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return [...lines.slice(0, mostLines).map((line) => [line]), ...(lines.length > mostLines ? [['…']] : [])];
}
