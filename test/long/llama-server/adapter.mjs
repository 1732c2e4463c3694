#!/usr/bin/env node
/** Stands in for llama-server: its options in ours. The models that it asks for by name are files of `MODELS` (JSON). */
import { spawn } from 'node:child_process';

const given = process.argv.slice(2);
const argumentOf = (name) => (given.includes(name) ? given[given.indexOf(name) + 1] : undefined);

const names = [argumentOf('--hf-file'), argumentOf('--hf-repo')];
const models = JSON.parse(process.env.MODELS);
const model = names.map((name) => models[name]).find(Boolean);
if (!model) {
  console.error(`there is no model in place of ${names.filter(Boolean).join(' of ')}`);
  process.exit(1);
}

/** Options that are the same by another name. */
const same = {
  '--host': '--host',
  '--port': '--port',
  '--parallel': '--parallel',
  '--api-key': '--api-key',
  '--chat-template': '--chat-template',
  '--chat-template-file': '--chat-template',
  '-ctk': '--kv-type',
};
const options = Object.entries(same).flatMap(([theirs, ours]) =>
  argumentOf(theirs) === undefined ? [] : [ours, argumentOf(theirs)],
);
// Its context is that of all sequences together.
const context = Math.floor(Number(argumentOf('--ctx-size') ?? 0) / Number(argumentOf('--parallel') ?? 1));
if (context > 0) options.push('--ctx', context);

const server = spawn(
  process.execPath,
  [process.env.SSD_LLM, 'serve', model, '--memory-budget', '600M', '--log-level', 'warn', ...options],
  { stdio: 'inherit' },
);
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.kill(signal));
server.on('exit', (code) => process.exit(code ?? 1));
