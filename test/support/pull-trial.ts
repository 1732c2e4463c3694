import type { DownloadPlan, PullEvent } from '../../src/download/download.ts';
import { type PullOptions, pullModel } from '../../src/download/pull-model.ts';
import { OwnStore } from '../../src/stores/own-store.ts';
import { ModelHost } from './model-host.ts';
import { type TempFolder, tempFolder } from './temp-folder.ts';

/** Pulls from a host to a store, and what they tell. */
export interface PullTrial extends AsyncDisposable {
  readonly host: ModelHost;
  readonly folder: TempFolder;
  readonly store: OwnStore;
  readonly events: PullEvent[];
  readonly plans: DownloadPlan[];
  pull(name: string, options?: Partial<PullOptions>): Promise<string>;
}

/** A host and a store in `folder`, which is removed with them. Downloads are of small pieces. */
export async function pullTrial(folder: TempFolder = tempFolder()): Promise<PullTrial> {
  const host = await ModelHost.start();
  const store = new OwnStore(folder.path);
  const events: PullEvent[] = [];
  const plans: DownloadPlan[] = [];
  return {
    host,
    folder,
    store,
    events,
    plans,
    pull: (name, options) =>
      pullModel(name, {
        web: { hub: host.url, pause: 1 },
        store,
        signal: new AbortController().signal,
        pace: { piece: 3072, atOnce: 3, header: 1024, record: 60_000 },
        onEvent: (event) => events.push(event),
        onPlan: async (plan) => void plans.push(plan),
        ...options,
      }),
    [Symbol.asyncDispose]: async () => {
      await host[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}
