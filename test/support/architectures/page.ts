/** The page of architectures, made of the rows. To write it: npx tsx test/support/architectures/page.ts */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { refusedArchitectures } from '../../../src/arch/decodable.ts';
import { encoderArchitectures } from '../../../src/arch/encoders.ts';
import { at } from '../../../src/base/at.ts';
import { type ArchitectureRow, architectures } from './rows.ts';

const page = fileURLToPath(new URL('../../../docs/architectures.md', import.meta.url));

const kept: Readonly<Record<ArchitectureRow['state'], string>> = {
  nothing: 'nothing',
  'keys and values': 'keys and values',
  windows: 'keys and values, in some layers of a window',
  compressed: 'keys and values, some of them compressed',
  latent: 'latent keys and values',
  recurrent: 'a recurrent state',
  hybrid: 'keys and values, or a recurrent state',
};

/** All rows of an architecture become one line. */
function line(architecture: string, rows: readonly ArchitectureRow[]): string {
  const { state } = at(rows, 0);
  const variants = rows.map(({ name }) => name.slice(architecture.length + 1)).filter((name) => name !== '');
  const experts = rows.some((row) => row.experts) ? 'yes' : '';
  return `| ${architecture} | ${kept[state]} | ${experts} | ${variants.join('; ')} |`;
}

/** The page as the rows have it. */
function pageText(): string {
  const running = architectures.filter(({ state }) => state !== 'nothing');
  const names = [...new Set(running.map(({ architecture }) => architecture))].sort();
  const others = [...refusedArchitectures].sort(([a], [b]) => (a < b ? -1 : 1));
  return `# Architectures

These are all ${names.length + encoderArchitectures.length + others.length} architectures that the library knows, by their names in GGUF files.

## ${names.length} that run

For each there is a small random model (\`test/support/architectures/\`). In the smallest budget, everything streamed that can
be and one expert of each matrix in memory, its logits have the same bits as those of plain \`llama_decode\`: of a prompt, of
single tokens after it, of several sequences in one batch, and beyond a window. Mixtures are also compared with experts of
q4_K, iq4_xs and mxfp4, and with experts whose bytes are no whole pages. Two need more than \`llama_decode\` does: texts of
plamo2 are batches of their own, as libllama mixes up their states in one; and the tokens that it hides in the first row of
chameleon's logits are hidden in all.

\`run\` gives the same text of each in the smallest budget that \`info\` names and in a large one; so does \`serve\`, which
answers several at once as one by one; \`bench\` measures it. \`npm run test:long -- architectures\` tries all.

| name | kept of a text | experts | also tried |
|---|---|---|---|
${names
  .map((name) =>
    line(
      name,
      running.filter(({ architecture }) => architecture === name),
    ),
  )
  .join('\n')}

Not with all of them:

- \`--sliding-window\` and \`--kv-home ssd\` are for the five families with graphs of our own: NOT_WITH_LIBLLAMA for others.
- \`--rope-scale\`, \`--rope-scaling\` and \`--rope-base\` are for positions that are rotated, and not for encoders: NO_ROTATION,
  NOT_WITH_LIBLLAMA. \`--kv-type\` is for heads of whole blocks of 32, where keys and values are kept: KV_TYPE_UNSUITABLE.
- \`--expert-cache\` is for mixtures: NO_EXPERTS. \`--graphs own\` is for the five families: NO_OWN_GRAPHS.
- A prompt is kept on the SSD, and a session with its state, if that takes 64 MiB at most where it is recurrent or of
  windows, and of any length elsewhere. Longer sessions are computed again, and longer prompts are not kept there: a warning.
- A text of deepseek4 goes back to its beginning only: no prompts are kept, drafts that are not accepted and sessions are
  computed again.
- LoRA adapters are not applied: they are files of their own, which no command takes.

## ${encoderArchitectures.length} that make embeddings

Each token of a text sees all others, and nothing is kept of it: a text is computed whole, in one pass, with others as far
as there is room. The small model of each gives the same embeddings as libllama's own (cosine of 0.99999 and more), in
memory and in the smallest budget, alone and with others, of each pooling.

| name |
|---|
${encoderArchitectures.map((name) => `| ${name} |`).join('\n')}

## ${others.length} that do not

| name | why |
|---|---|
${others.map(([architecture, reason]) => `| ${architecture} | ${reason} |`).join('\n')}
`;
}

/** The page as it is, and as it should be. */
export const architecturesPage = (): { readonly actual: string; readonly expected: string } => ({
  actual: readFileSync(page, 'utf8'),
  expected: pageText(),
});

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  writeFileSync(page, pageText());
}
