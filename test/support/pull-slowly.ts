/** Pulls org/Tiny-GGUF from a hub to a models folder, piece by piece: a process that can be killed in between. */
import { pullModel } from '../../src/download/pull-model.ts';
import { OwnStore } from '../../src/stores/own-store.ts';

const [, , hub = '', folder = ''] = process.argv;
await pullModel('org/Tiny-GGUF', {
  web: { hub },
  store: new OwnStore(folder),
  signal: new AbortController().signal,
  pace: { piece: 3072, atOnce: 1, header: 1024, record: 0 },
  onEvent: () => {},
});
