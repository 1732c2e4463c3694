import { attacks } from './attacks/all.ts';
import type { Attack, Toll } from './attacks/attack.ts';
import type { Part, Row } from './part.ts';

const seed = '1';

/** A case that was not survived, and how to try it again. */
const lineOf = (id: string, { fallen }: Toll): readonly string[] =>
  fallen.map(
    ({ number, name, reason }) =>
      `${name}: ${reason} (again: npx tsx test/long/attacks/again.ts ${id} ${seed} ${number})`,
  );

const rowOf = (id: string, { name }: Attack, toll: Toll): Row => ({
  name,
  tried: toll.tried,
  passed: toll.tried - toll.fallen.length,
  failed: lineOf(id, toll),
  skipped: toll.skipped === undefined ? [] : [`${name}: ${toll.skipped}`],
});

export const part: Part = {
  about: 'damaged files, hostile requests, clients that leave, engines that are killed, memory that is all there is',
  rows: async function* () {
    for (const [id, attack] of Object.entries(attacks)) {
      yield rowOf(id, attack, await attack.run({ count: attack.count, seed }));
    }
  },
};
