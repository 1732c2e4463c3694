#!/usr/bin/env node
/** Stands in for llama-server: its options in ours. The models that it asks for by name are files of `MODELS` (JSON). */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const given = process.argv.slice(2);
const argumentOf = (name) => (given.includes(name) ? given[given.indexOf(name) + 1] : undefined);

const folder = mkdtempSync(join(tmpdir(), 'ssd-llm-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const models = JSON.parse(process.env.MODELS);
// A server that would wait for the name of one gets the first.
const name = argumentOf('--hf-file') ?? argumentOf('--hf-repo') ?? Object.keys(models)[0];
const file = models[`${name} ${argumentOf('--pooling')}`] ?? models[name];
if (!file) {
  console.error(`there is no model in place of ${name}`);
  process.exit(1);
}
// A model is called by its file's name.
const model = join(folder, `${argumentOf('--alias')?.replaceAll(',', '-') ?? 'model'}.gguf`);
symlinkSync(file, model);

/** A template may be given as its text. */
function templateOf(text) {
  if (/^[\w-]+$/.test(text) || existsSync(text)) return text;
  const path = join(folder, 'template.jinja');
  writeFileSync(path, text);
  return path;
}

const template = argumentOf('--chat-template') ?? argumentOf('--chat-template-file');
/** Options that are the same by another name. */
const same = { '--host': '--host', '--port': '--port', '--parallel': '--parallel', '--api-key': '--api-key' };
const options = Object.entries(same).flatMap(([theirs, ours]) =>
  argumentOf(theirs) === undefined ? [] : [ours, argumentOf(theirs)],
);
if (template !== undefined) options.push('--chat-template', templateOf(template));
// Its context is that of all sequences together, unless they share one that each may fill.
const sharing = given.includes('--kv-unified') ? 1 : Number(argumentOf('--parallel') ?? 1);
const context = Math.floor(Number(argumentOf('--ctx-size') ?? 0) / sharing);
if (context > 0) options.push('--ctx', context);

const server = spawn(
  process.execPath,
  [process.env.SSD_LLM, 'serve', model, '--memory-budget', '400M', '--log-level', 'warn', ...options],
  { stdio: 'inherit' },
);
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.kill(signal));
server.on('exit', (code) => process.exit(code ?? 1));
