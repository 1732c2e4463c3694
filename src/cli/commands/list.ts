import { homedir } from 'node:os';
import { formatBytes } from '../../base/bytes.ts';
import type { Library, LibraryModel } from '../../library/library.ts';
import { fasterText, roughRate } from '../../plan/faster-ways.ts';
import { unfinishedModels } from '../../stores/unfinished-models.ts';
import { locateModels } from '../locate-model.ts';
import { type ModelForecast, modelForecasts } from '../model-forecasts.ts';
import { checkModelsFolder, noModels, openLibrary } from '../open-library.ts';
import { modelSettingsOf } from '../options/model-settings.ts';
import type { Settings } from '../options/table.ts';
import { debugLog } from '../print/debug.ts';
import { type ModelRow, modelTable } from '../print/model-table.ts';
import { note, write, writeJson } from '../print/output.ts';
import { printable } from '../print/printable.ts';
import { busyText } from '../print/slow-start.ts';

/** Characters of a digest that are enough to tell models apart. */
const idLength = 12;

/** Prints the models that there are. */
export async function listCommand(settings: Settings): Promise<void> {
  checkModelsFolder(settings);
  const found = await locateModels(settings.files, settings);
  const library = openLibrary({ models: settings.models, found });
  const models = library.models();
  if (found.length === 0) tellUnfinished(library);
  (await debugLog(settings))?.('models found', { files: models.flatMap(({ files }) => files) });
  if (models.length === 0) throw noModels(settings);
  const forecasts = await modelForecasts(models, modelSettingsOf(settings));
  const rows = models.map((model, i) => ({ model, forecast: forecasts[i] }));
  if (settings.json) return writeJson(rows.map(toJson));
  const { isTTY, columns = 80 } = process.stdout;
  await write(`${modelTable(rows.map(toRow), isTTY ? columns : undefined).join('\n')}\n`);
  const unknown = forecasts.filter((forecast) => forecast === undefined).length;
  if (unknown > 0)
    note(`${unknown} of them not forecast yet: "ssd-llm list" goes on with them, and "ssd-llm info" does one`);
  if (forecasts.some((forecast) => forecast?.speed?.basis === 'assumed')) {
    note('~ judged by another model or a usual drive: "ssd-llm info" measures');
  }
  if (forecasts.some((forecast) => forecast?.speed?.busy)) note(`* ${busyText}`);
}

/** Says which downloads have not come to their end. */
function tellUnfinished({ ownStore }: Library): void {
  for (const { name, pulledBy = 'URL', bytes } of ownStore ? unfinishedModels(ownStore.unfinished) : []) {
    const ways = `"ssd-llm pull ${pulledBy}" goes on, "ssd-llm rm ${name}" removes it`;
    note(printable(`${name} has not come to its end (${formatBytes(bytes)} are there): ${ways}`));
  }
}

interface Row {
  readonly model: LibraryModel;
  readonly forecast: ModelForecast | undefined;
}

const toRow = ({ model: { name, size, path, owner }, forecast }: Row): ModelRow => ({
  name: printable(name),
  size: formatBytes(size),
  takes: forecast ? (forecast.bytes === null ? '-' : formatBytes(forecast.bytes)) : '?',
  speed: speedText(forecast),
  faster: forecast?.faster.slice(0, 1).map((way) => fasterText(way))[0],
  where: `${owner === undefined ? '' : `${owner}: `}${printable(inHome(path))}`,
});

function speedText(forecast: ModelForecast | undefined): string {
  if (!forecast?.speed) return forecast ? '-' : '?';
  const { tokens_per_s, basis, busy } = forecast.speed;
  return `${basis === 'assumed' ? '~' : ''}${roughRate(tokens_per_s)}${busy ? '*' : ''}`;
}

/** A path from the user's folder on: "~/models/a.gguf". */
function inHome(path: string): string {
  const home = homedir();
  return home !== '' && path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

const toJson = ({ model, forecast }: Row): object => {
  const { name, digest, size, modified, family, parameters, quantization, files, owner } = model;
  return {
    name,
    id: digest.replace('sha256:', '').slice(0, idLength),
    digest,
    size,
    modified: modified.toISOString(),
    family,
    parameters,
    quantization,
    files,
    store: owner ?? null,
    takes: forecast?.bytes ?? null,
    speed: forecast?.speed ?? null,
    faster: forecast?.faster ?? null,
  };
};
