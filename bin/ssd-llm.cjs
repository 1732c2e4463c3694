#!/usr/bin/env node
'use strict';

const { spawn } = require('node:child_process');
const { existsSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { setFlagsFromString } = require('node:v8');

// Young objects would fill up to 48 MiB before they are collected, older ones 60 MiB: weights need that memory more.
setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--heap-growing-percent=30');

const main = join(__dirname, '..', 'dist', 'cli', 'main.js');
// Reads and computing share libuv's thread pool, whose size is fixed when it is first used: before any ES module loads.
const poolSize = 'UV_THREADPOOL_SIZE';

/** Addresses that the program and its libraries take beside what Node has; and Node's own parser of HTTP, in bytes. */
const startBytes = 160 * 2 ** 20;
const httpBytes = 11 * 2 ** 30;
const speaksHttp = ['serve', 'ps'].includes(process.argv[2]);

/**
 * False if a limit of addresses (`ulimit -v`) leaves too few to start: Node would abort somewhere on the way. Before any
 * module is loaded C is told to serve all threads from one place: 64 MiB of addresses for each would soon be all there are.
 */
function hasRoom() {
  if (process.platform !== 'linux') return true;
  const [, limit] = /^Max address space +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) || [];
  if (limit === undefined) return true;
  const arenaMax = -8; // M_ARENA_MAX
  require('koffi').load(null).func('int mallopt(int, int)')(arenaMax, 1);
  const [, taken] = /^VmSize:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) || [];
  return limit - taken * 1024 >= (speaksHttp ? httpBytes : startBytes);
}

/** The oldest Node that the program runs on. Older ones have to parse this file to say so. */
const least = [20, 19];
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < least[0] || (major === least[0] && minor < least[1])) {
  process.stderr.write(
    `error: ssd-llm needs Node ${least.join('.')} or newer; this is Node ${process.versions.node}\n`,
  );
  process.exitCode = 1;
} else if (!hasRoom()) {
  process.stderr.write('error: the limit of addresses (ulimit -v) is too low to start; raise it [OUT_OF_MEMORY]\n');
  process.exitCode = 1;
} else if (!existsSync(main)) {
  process.stderr.write('error: ssd-llm has not been built; run: npm run build\n');
  process.exitCode = 1;
} else if (process.env[poolSize] === undefined && process.platform === 'win32') {
  // There libuv reads the environment that the process was started with.
  const env = { ...process.env, [poolSize]: '8' };
  const child = spawn(process.execPath, [__filename, ...process.argv.slice(2)], { env, stdio: 'inherit' });
  process.on('SIGINT', () => {});
  child.on('exit', (code) => process.exit(code === null ? 1 : code));
} else {
  if (process.env[poolSize] === undefined) process.env[poolSize] = '8';
  import('../dist/cli/main.js').catch((error) => {
    process.stderr.write(`internal error: ${error.stack || error}\n`);
    process.exitCode = 1;
  });
}
