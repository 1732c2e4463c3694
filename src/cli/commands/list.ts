import { formatBytes } from '../../base/bytes.ts';
import { EngineError } from '../../base/errors.ts';
import type { LibraryModel } from '../../library/library.ts';
import type { Settings } from '../options/table.ts';
import { columns } from '../print/columns.ts';
import { debugLog } from '../print/debug.ts';
import { note, write, writeJson } from '../print/output.ts';
import { printable } from '../print/printable.ts';
import { relativeTime } from '../print/relative-time.ts';

/** Characters of a digest that are enough to tell models apart. */
const idLength = 12;

/** Prints the models that there are. */
export async function listCommand({ files, models: folder, json, logLevel }: Settings): Promise<void> {
  const { Library } = await import('../../library/library.ts');
  if (files.length === 0 && folder === undefined) throw new EngineError('NO_MODELS', { folder });
  const library = new Library({ files, folder }, (path, error) =>
    note(printable(`${path} is left out: ${error.message}`)),
  );
  const models = library.models();
  (await debugLog({ logLevel }))?.('models found', { folder, files: models.flatMap((model) => model.files) });
  await (json ? writeJson(models.map(toJson)) : write(`${table(models).join('\n')}\n`));
}

const table = (models: readonly LibraryModel[]): readonly string[] =>
  columns([
    ['NAME', 'ID', 'SIZE', 'MODIFIED'],
    ...models.map(({ name, digest, size, modified }) => [
      name,
      digest.replace('sha256:', '').slice(0, idLength),
      formatBytes(size),
      relativeTime(modified),
    ]),
  ]);

const toJson = ({ name, digest, size, modified, family, parameters, quantization, files }: LibraryModel): object => ({
  name,
  digest,
  size,
  modified: modified.toISOString(),
  family,
  parameters,
  quantization,
  files,
});
