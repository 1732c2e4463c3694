import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { TemplateError } from '../src/jinja/errors.ts';
import { Template } from '../src/jinja/template.ts';

/** Renderings by Python's Jinja2; null is refused. `test/long/renderings/record.ts` writes them. */
const recorded = JSON.parse(readFileSync('test/jinja/recorded.json', 'utf8')) as {
  readonly variables: Readonly<Record<string, unknown>>;
  readonly renderings: readonly (readonly [template: string, output: string | null])[];
};
const limits = { steps: 1e5, output: 1e5, memory: 1e6 };
const render = (source: string): string =>
  new Template(source).render(recorded.variables, { limits, now: new Date('2025-03-04T00:05:09') });

test('templates print what Jinja2 printed', () => {
  const printed = recorded.renderings.filter(([, output]) => output !== null);
  assert.ok(printed.length > 300);
  for (const [template, output] of printed) assert.equal(render(template), output, template);
});

test('templates that Jinja2 refused are refused', () => {
  const refused = recorded.renderings.filter(([, output]) => output === null);
  assert.ok(refused.length > 50);
  for (const [template] of refused) assert.throws(() => render(template), TemplateError, template);
});
