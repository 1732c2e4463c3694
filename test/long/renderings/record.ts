// Asks Jinja2 anew for every template in test/jinja/recorded.json: `npx tsx test/long/renderings/record.ts`.
import { readFileSync, writeFileSync } from 'node:fs';
import { askJinja2 } from './jinja2.ts';

const file = 'test/jinja/recorded.json';
const { variables, renderings } = JSON.parse(readFileSync(file, 'utf8'));
const templates = renderings.map(([template]: [string]) => template) as string[];
const outputs: (string | null)[] = [];
for await (const answer of askJinja2(templates.map((template) => ({ template, variables })))) {
  outputs.push('output' in answer ? answer.output : null);
}
const lines = templates.map((template, i) => `    ${JSON.stringify([template, outputs[i]])}`);
writeFileSync(
  file,
  `{\n  "variables": ${JSON.stringify(variables)},\n  "renderings": [\n${lines.join(',\n')}\n  ]\n}\n`,
);
