// Given to `node --import` by the test runner, and so to programs that tests fork: what was built for tests, and TypeScript.
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

const [, program = ''] = process.argv;
/** Loads a module of this folder: its source, or as it was built with the tests. */
const load = (name) =>
  import(program.endsWith('ts') ? `./${name}.ts` : pathToFileURL(`${dirname(program)}/../${name}.js`).href);

if (program.endsWith('ts')) {
  const { register } = await import('tsx/esm/api');
  register();
}
if (program.endsWith('ts') || program.includes('ssd-llm-tests')) {
  if (process.env['SSD_LLM_CPU']) await load('chosen-cpu');
  if (/\.test\.[jt]s$/.test(program)) await load('hang-guard');
}
