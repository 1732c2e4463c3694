import type { Attack } from './attack.ts';
import { limitedRuns, limitedServers } from './cgroups.ts';
import { largeGrammars } from './grammars.ts';
import { graphs } from './graphs.ts';
import { headers } from './headers.ts';
import { http } from './http.ts';
import { mistypedJson, oddJson } from './json.ts';
import { killedEngines, killedServers } from './kills.ts';
import { large } from './large.ts';
import { greedyRequests, greedyRuns } from './memory.ts';
import { keys, probes } from './probes.ts';
import { sessions } from './sessions.ts';
import { cutStreams, slowBodies } from './streams.ts';
import { weights } from './weights.ts';

/** All attacks, by the name that the command line knows them by. */
export const attacks: Readonly<Record<string, Attack>> = {
  headers,
  graphs,
  weights,
  sessions,
  http,
  json: oddJson,
  types: mistypedJson,
  probes,
  keys,
  cuts: cutStreams,
  slow: slowBodies,
  engines: killedEngines,
  servers: killedServers,
  greedy: greedyRequests,
  hungry: greedyRuns,
  grammars: largeGrammars,
  large,
  runs: limitedRuns,
  served: limitedServers,
};
