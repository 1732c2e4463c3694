import { hostname } from 'node:os';
import type { Log } from '../../base/log.ts';
import { mapLargeBlocks } from '../../ggml/system.ts';
import { isLoopback, reachable, urlOf } from '../../http/address.ts';
import { createApp } from '../../http/app.ts';
import { listen, type RunningServer } from '../../http/server.ts';
import type { Warn } from '../../library/library.ts';
import type { LocatedModel } from '../../library/located-model.ts';
import type { ModelSettings } from '../../model/model-options.ts';
import { budgetFor } from '../../runtime/machine.ts';
import type { Health } from '../../worker/backend.ts';
import { EngineBackend } from '../../worker/engine-backend.ts';
import { savedCalibration } from '../calibrations.ts';
import { webOptions } from '../download-settings.ts';
import { cpuVariant } from '../environment.ts';
import { calibrateFor } from '../first-calibration.ts';
import type { DevicePlan } from '../forecast.ts';
import { checkModelsFolder, leaveOut, openLibrary } from '../open-library.ts';
import { type LogFormat, logsEvents } from '../options/log-level.ts';
import type { ServerSettings } from '../options/server-options.ts';
import { announced, announcement, type ServerStart } from '../print/announcement.ts';
import { note } from '../print/output.ts';

/** Milliseconds that answers under way have to end when the server is told to stop. */
const grace = 10_000;

interface ServedBy {
  readonly named: readonly LocatedModel[];
  readonly plans: ReadonlyMap<string, DevicePlan>;
  readonly log: Log;
  readonly logFormat: LogFormat;
}

/**
 * Serves until the process is told to stop; models that were named, if there are some, with their plans by their path.
 * Rejects with NO_MODELS, PORT_IN_USE, BAD_OPTION.
 */
export async function serveModels(
  settings: ServerSettings,
  model: ModelSettings,
  { named, plans, log, logFormat }: ServedBy,
): Promise<void> {
  const { apiKey, host, origins, port } = settings;
  // Bodies of megabytes left holes of 100 MiB, where no model was named and ggml not loaded.
  mapLargeBlocks();
  let tell: Warn = leaveOut;
  const { rope, graphs, chatTemplate } = model;
  const places = { models: settings.models, found: named };
  const library = openLibrary(places, { rope, graphs, chatTemplate }, (path, error) => tell(path, error));
  // A store of our own may be filled by clients; a folder that is not there was misspelt.
  if (named.length === 0) checkModelsFolder(settings);
  const found = library.models();
  if (found.length > 0) await calibrateFor(found, budgetFor(model.memoryBudget));

  const engineSettings = {
    model,
    maxQueue: settings.maxQueue,
    keepAlive: settings.keepAlive,
    debug: logsEvents(settings.logLevel),
    cpuVariant: cpuVariant(),
    readingOf: savedCalibration,
  };
  await using engines = new EngineBackend(library, engineSettings, log);
  const loopback = isLoopback(host);
  const health = (): Health => engines.health();
  const app = createApp({
    backend: engines,
    log,
    apiKey,
    origins,
    loopback,
    hostname: hostname(),
    page: settings.ui,
    web: webOptions(),
    health,
  });
  const onError = (error: Error): void => log.error({}, error.message);
  const server = await listen(app, { host, port, onError });
  tell = (path, error) => log.warn({ path }, error.message);
  const start: ServerStart = {
    url: urlOf(server.address),
    reachableUrl: urlOf({ ...server.address, host: reachable(host) }),
    models: found.map(({ name, path }) => ({ name, planned: plans.get(path) })),
    auto: model.memoryBudget === undefined,
    open: !loopback,
    keyed: apiKey !== undefined,
    page: settings.ui,
  };
  if (logFormat === 'json') log.info(announced(start), `ssd-llm listens on ${start.url}`);
  else for (const line of announcement(start)) note(line);
  await untilStopped(server, log);
}

/** Resolves when the process has been told to stop and answers have ended. Told twice, it cuts them. */
async function untilStopped(server: RunningServer, log: Log): Promise<void> {
  let stop = (_: NodeJS.Signals): void => {};
  const stopped = new Promise<void>((resolve, reject) => {
    let left = grace;
    stop = (signal) => {
      log.info({ signal }, left > 0 ? `stopping; answers have ${left / 1000} s to end` : 'stopping at once');
      server.close(left).then(resolve, reject);
      left = 0;
    };
  });
  process.on('SIGINT', stop).on('SIGTERM', stop);
  await stopped;
  process.off('SIGINT', stop).off('SIGTERM', stop);
}
