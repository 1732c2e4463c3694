import { Template } from '../../src/jinja/template.ts';
import { forgedTurns } from '../support/forged-turns.ts';
import { tempFolder } from '../support/temp-folder.ts';
import type { Part, Row } from './part.ts';
import { cases } from './renderings/conversations.ts';
import { randomRequests } from './renderings/grammar.ts';
import { askJinja2, missingPython, now, type Rendering, type Request } from './renderings/jinja2.ts';
import { fetchTemplates } from './renderings/sources.ts';

interface Named extends Request {
  readonly name: string;
}

const limits = { steps: 5_000_000, output: 5_000_000, memory: 2 ** 28 };

/** Templates by their source, which are rendered many times in a row. */
let last: { readonly source: string; readonly template: Template } | undefined;

function render({ template: source, variables }: Request): Rendering {
  try {
    if (last?.source !== source) last = { source, template: new Template(source) };
    return { output: last.template.render(variables, { limits, now }) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 200));

/** Compares what both engines print; `mayRefuse` is for what ours says that it does not support. */
async function* compare(what: string, requests: readonly Named[], mayRefuse: boolean): AsyncGenerator<Row> {
  const counts = { printed: 0, equal: 0, refused: 0, bothRefused: 0, unsupported: 0 };
  const [different, accepted]: [string[], string[]] = [[], []];
  let i = 0;
  for await (const theirs of askJinja2(requests)) {
    const request = requests[i] as Named;
    i += 1;
    const ours = render(request);
    if ('error' in theirs) {
      counts.refused += 1;
      if ('error' in ours) counts.bothRefused += 1;
      else accepted.push(`${request.name}: Jinja2 says ${shown(theirs.error)}, ours prints ${shown(ours.output)}`);
    } else if (mayRefuse && 'error' in ours && ours.error.endsWith('not supported')) counts.unsupported += 1;
    else {
      counts.printed += 1;
      if ('output' in ours && ours.output === theirs.output) counts.equal += 1;
      else
        different.push(
          `${request.name}: Jinja2 prints ${shown(theirs.output)}, ours ${shown('output' in ours ? ours.output : ours.error)}`,
        );
    }
  }
  if (i < requests.length) different.push(`${what}: Python ended after ${i} of ${requests.length}`);
  const unsupported =
    counts.unsupported > 0 ? [`${counts.unsupported} of ${what}, which the engine does not support`] : [];
  yield {
    name: `${what}, printed by Jinja2: equal`,
    tried: counts.printed,
    passed: counts.equal,
    failed: different,
    skipped: unsupported,
  };
  yield {
    name: `${what}, refused by Jinja2: refused`,
    tried: counts.refused,
    passed: counts.bothRefused,
    failed: accepted,
    skipped: [],
  };
}

const skipped = (name: string, missing: string): Row => ({
  name,
  tried: 0,
  passed: 0,
  failed: [],
  skipped: [`${name}: ${missing}`],
});

/** All real templates by name; a reason if they cannot be fetched. */
function realTemplates(): ReadonlyMap<string, string> | string {
  using folder = tempFolder();
  try {
    return fetchTemplates(folder.path);
  } catch (error) {
    return `the templates of llama.cpp (${(error as Error).message})`;
  }
}

/** All templates with all conversations. */
const realRequests = (templates: ReadonlyMap<string, string>): Named[] =>
  [...templates].flatMap(([file, template]) =>
    cases.map(([name, variables]) => ({ name: `${file}, ${name}`, template, variables })),
  );

/** Attempts to forge turns of each template by what messages say. */
function forgeries(templates: ReadonlyMap<string, string>): Row {
  const row = { tried: 0, failed: [] as string[], skipped: [] as string[] };
  for (const [file, template] of templates) {
    try {
      const { tried, forged } = forgedTurns(template);
      row.tried += tried;
      row.failed.push(...forged.map((one) => `${file}: ${one}`));
    } catch (error) {
      row.skipped.push(`${file}: ${(error as Error).message}`);
    }
  }
  return { name: 'turns that messages do not forge', passed: row.tried - row.failed.length, ...row };
}

export const part: Part = {
  about: "chat templates, rendered by our engine and by Python's Jinja2; attempts to forge turns of them",
  rows: async function* () {
    const real = realTemplates();
    if (typeof real === 'string') yield skipped('real templates', real);
    else yield forgeries(real);
    const missing = missingPython();
    if (missing !== undefined) {
      yield skipped('renderings', missing);
      return;
    }
    if (typeof real !== 'string') yield* compare('real templates', realRequests(real), false);
    yield* compare('random templates', randomRequests(20_000), true);
  },
};
