import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tempFolder } from '../support/temp-folder.ts';
import type { Part } from './part.ts';

/** Codes of npm for a package that it can get neither from a registry nor from its cache. */
const outOfReach = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED|ENETUNREACH)\b/;

export const part: Part = {
  about: 'pages of the public API, by a tool that npm fetches: every export is documented, and no link is broken',
  rows: async function* () {
    using folder = tempFolder();
    const { status, stdout, stderr } = spawnSync('npm', ['run', 'docs', '--', '--out', folder.path], {
      encoding: 'utf8',
      shell: process.platform === 'win32',
      // The npm that runs this may have been told to be silent.
      env: { ...process.env, npm_config_loglevel: 'error' },
    });
    const [missing] = outOfReach.exec(stderr) ?? [];
    const made = status === 0 && readdirSync(folder.path).includes('index.html');
    const failed = made || missing ? [] : [`npm run docs ended with ${status}: ${stdout}${stderr}`];
    yield {
      name: 'pages',
      tried: missing ? 0 : 1,
      passed: made ? 1 : 0,
      failed,
      skipped: missing ? [`npm run docs: typedoc is out of reach (${missing})`] : [],
    };
  },
};
