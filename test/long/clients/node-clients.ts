import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync } from 'node:fs';
import { tempFolder } from '../../support/temp-folder.ts';
import type { Row } from '../part.ts';
import { skippedRow, tryClient } from './client.ts';

/** A row for each client of Node.js, installed in a folder of its own. */
export async function* nodeClients(url: string): AsyncGenerator<Row> {
  using folder = tempFolder();
  cpSync('test/long/clients/node', folder.path, { recursive: true });
  const { status, stderr } = spawnSync('npm', ['install', '--legacy-peer-deps', '--no-audit', '--no-fund'], {
    cwd: folder.path,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  const scripts = readdirSync(folder.path).filter((file) => file.startsWith('use_'));
  for (const script of scripts) {
    const name = `node ${script.replace(/^use_|\.mjs$/g, '')}`;
    if (status === 0)
      yield await tryClient({ name, command: process.execPath, args: [script], folder: folder.path }, url);
    else yield skippedRow(name, `npm install failed: ${stderr.trim().split('\n').at(-1)}`);
  }
}
