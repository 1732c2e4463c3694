import { nodeClients } from './clients/node-clients.ts';
import { pythonClients } from './clients/python-clients.ts';
import { scriptedServer } from './clients/scripted-server.ts';
import type { Part } from './part.ts';

export const part: Part = {
  about: 'programs that talk to such servers, as their makers publish them, each feature by its own quick start',
  rows: async function* () {
    await using server = await scriptedServer();
    yield* nodeClients(server.url);
    yield* pythonClients(server.url);
  },
};
