#!/usr/bin/env node
'use strict';

const { spawn } = require('node:child_process');
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { setFlagsFromString } = require('node:v8');

// Objects that are garbage soon would fill up to 48 MiB before they are collected: weights need that memory more.
setFlagsFromString('--semi-space-growth-factor=1');

const main = join(__dirname, '..', 'dist', 'cli', 'main.js');
// Reads and computing share libuv's thread pool, whose size is fixed when it is first used: before any ES module loads.
const poolSize = 'UV_THREADPOOL_SIZE';

if (!existsSync(main)) {
  process.stderr.write('error: ssd-llm has not been built; run: npm run build\n');
  process.exitCode = 1;
} else if (process.env[poolSize] === undefined && process.platform === 'win32') {
  // There libuv reads the environment that the process was started with.
  const env = { ...process.env, [poolSize]: '8' };
  const child = spawn(process.execPath, [__filename, ...process.argv.slice(2)], { env, stdio: 'inherit' });
  process.on('SIGINT', () => {});
  child.on('exit', (code) => process.exit(code ?? 1));
} else {
  process.env[poolSize] ??= '8';
  import('../dist/cli/main.js').catch((error) => {
    process.stderr.write(`internal error: ${error.stack ?? error}\n`);
    process.exitCode = 1;
  });
}
