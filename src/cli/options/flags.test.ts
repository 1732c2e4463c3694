import assert from 'node:assert/strict';
import test from 'node:test';
import { Command } from 'commander';
import { withBareOptions } from './bare-options.ts';
import { longFlag, withOptions } from './flags.ts';
import { settingsOf } from './settings.ts';
import { type OptionName, optionEntries, type Settings } from './table.ts';

/** The settings of a command that is given these flags. */
async function parsed(name: string, ...flags: readonly string[]): Promise<Settings> {
  const command = withOptions(new Command(name)).exitOverride();
  command.parse(withBareOptions(flags), { from: 'user' });
  return await settingsOf(command, { platform: 'linux', home: undefined, environment: {} });
}

/** Flags without variables, and other flags of settings, in one command that has each: a setting and its value. */
const flagsAlone: readonly (readonly [command: string, flag: string, key: OptionName, value: unknown])[] = [
  ['run', '--prompt=plum', 'prompt', 'plum'],
  ['run', '--system=plum', 'system', 'plum'],
  ['run', '--raw', 'raw', true],
  ['run', '--json-schema=plum.json', 'jsonSchema', 'plum.json'],
  ['run', '--json-mode', 'jsonSchema', '{"type":"object"}'],
  ['run', '--grammar=plum.gbnf', 'gbnf', 'plum.gbnf'],
  ['chat', '--parse-special', 'parseSpecial', true],
  ['run', '--session=talk.kv', 'session', 'talk.kv'],
  ['embed', '--file=plums.txt', 'file', 'plums.txt'],
  ['show', '--part=system', 'part', 'system'],
  ['show', '--license', 'part', 'license'],
  ['show', '--modelfile', 'part', 'modelfile'],
  ['show', '--parameters', 'part', 'parameters'],
  ['show', '--system', 'part', 'system'],
  ['show', '--template', 'part', 'template'],
  ['embed', '--format=jsonl', 'format', 'jsonl'],
  ['embed', '--json', 'format', 'json'],
  ['embed', '--dimensions=2', 'dimensions', 2],
  ['embed', '--truncate', 'truncate', true],
  ['bench', '--tokens=3', 'tokens', 3],
  ['bench', '--prompt-tokens=4', 'promptTokens', 4],
  ['bench', '--rounds=5', 'rounds', 5],
  ['bench', '--cold', 'cold', true],
  ['bench', '--output=csv', 'output', 'csv'],
  ['bench', '--json', 'output', 'json'],
  ['bench', '--chart=plum.svg', 'chart', 'plum.svg'],
  ['bench', '--html=plum.html', 'html', 'plum.html'],
  ['bench', '--report', 'report', true],
  ['pull', '--insecure', 'insecure', true],
  ['info', '--tensors', 'tensors', true],
  ['info', '--budgets', 'budgets', true],
  ['chat', '--verbose', 'verbose', true],
  ['config', '--json', 'json', true],
  ['run', '--max-tokens=6', 'maxTokens', 6],
  ['run', '--temperature=0.5', 'temperature', 0.5],
  ['run', '--dynatemp-range=0.25', 'dynatempRange', 0.25],
  ['run', '--dynatemp-exp=2', 'dynatempExponent', 2],
  ['run', '--top-n-sigma=1.5', 'topNSigma', 1.5],
  ['run', '--top-k=7', 'topK', 7],
  ['run', '--top-k=-1', 'topK', 0],
  ['run', '--repeat-last-n=-1', 'repeatLastN', 2 ** 20],
  ['run', '--typical=0.75', 'typicalP', 0.75],
  ['run', '--top-p=0.875', 'topP', 0.875],
  ['run', '--min-p=0.125', 'minP', 0.125],
  ['run', '--xtc-probability=0.5', 'xtcProbability', 0.5],
  ['run', '--xtc-threshold=0.25', 'xtcThreshold', 0.25],
  ['run', '--repeat-last-n=9', 'repeatLastN', 9],
  ['run', '--repeat-penalty=1.25', 'repeatPenalty', 1.25],
  ['run', '--presence-penalty=0.5', 'presencePenalty', 0.5],
  ['run', '--frequency-penalty=0.5', 'frequencyPenalty', 0.5],
  ['run', '--dry-multiplier=0.5', 'dryMultiplier', 0.5],
  ['run', '--dry-base=2', 'dryBase', 2],
  ['run', '--dry-allowed-length=3', 'dryAllowedLength', 3],
  ['run', '--dry-penalty-last-n=100', 'dryPenaltyLastN', 100],
  ['run', '--dry-sequence-breaker=;', 'drySequenceBreakers', [';']],
  ['run', '--mirostat=2', 'mirostat', 2],
  ['run', '--mirostat-ent=3', 'mirostatTau', 3],
  ['run', '--mirostat-lr=0.5', 'mirostatEta', 0.5],
  ['run', '--seed=11', 'seed', 11],
  ['run', '--stop=END', 'stop', ['END']],
  ['run', '--no-think', 'think', false],
  ['embed', '--mmap-kv', 'kvHome', 'ssd'],
  ['run', '--tensor-parallel=2', 'threads', 2],
  ['serve', '--max-batch=8', 'parallel', 8],
  ['serve', '--no-ui', 'ui', false],
  ['run', '--no-adaptive-draft', 'adaptiveDraft', false],
];

test('every flag that is all there is of a setting, and every other flag for one, gives it', async () => {
  const initial = await parsed('run');
  for (const [command, flag, key, value] of flagsAlone) {
    assert.deepEqual((await parsed(command, flag))[key], value, flag);
    assert.notDeepEqual(initial[key], value, flag);
  }
  const flags = new Set(flagsAlone.map(([, flag]) => flag.replace(/=.*/, '')));
  const all = optionEntries.flatMap(([key, { flags, variables, aliases = [] }]) => [
    // The tests of settings give --config.
    ...(variables || ['files', 'config'].includes(key) ? [] : [flags]),
    ...aliases.map(({ flags }) => flags),
  ]);
  for (const one of all) assert.ok(flags.has(longFlag(one)), one);
});
