/** Tries one case of an attack again, or several: tsx test/long/attacks/again.ts ATTACK [SEED [NUMBER [COUNT]]] */
import { attacks } from './all.ts';

const [, , id = '', seed = '1', from, count = from === undefined ? undefined : '1'] = process.argv;
const attack = attacks[id];
if (!attack) throw new Error(`there is no attack ${id}; these are: ${Object.keys(attacks).join(', ')}`);
const began = performance.now();
const toll = await attack.run({ seed, from: Number(from ?? 0), count: Number(count ?? attack.count) });
const seconds = ((performance.now() - began) / 1000).toFixed(1);
console.log(`${attack.name}: tried ${toll.tried}, survived ${toll.tried - toll.fallen.length}, ${seconds} s`);
if (toll.skipped !== undefined) console.log(`skipped: ${toll.skipped}`);
for (const [outcome, times] of toll.outcomes) console.log(`  ${times} ${outcome}`);
for (const { number, name, reason } of toll.fallen) console.log(`  NOT SURVIVED ${number}, ${name}: ${reason}`);
