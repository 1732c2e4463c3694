import type { CallFormat } from './call-format.ts';
import { callFormats } from './call-formats.ts';

/** Whether a chat template reads the variable `tools`; in Go's notation `.Tools`. */
export const knowsTools = (template: string): boolean => /\{[{%][^}]*(?:\btools\b|\.Tools\b)/.test(template);

/** The format of models that have none of their own: the one that most have been trained for. */
const generic = 'Hermes';

/** The format of the calls that a model with this chat template writes. */
export function callFormatOf(template: string): CallFormat {
  const format = callFormats.find(({ recognizes, name }) => recognizes(template) || name === generic);
  if (format === undefined) throw new Error(`there is no format ${generic}`);
  return format;
}
