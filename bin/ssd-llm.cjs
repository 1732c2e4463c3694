#!/usr/bin/env node
'use strict';
// Reads and computing share libuv's thread pool, whose size is fixed when it is first used: before any ES module loads.
const threads = 'UV_THREADPOOL_SIZE';
if (process.env[threads] === undefined) {
  process.env[threads] = '8';
  if (process.platform === 'win32') {
    // There libuv reads the environment that the process was started with.
    const { spawn } = require('node:child_process');
    const child = spawn(process.execPath, [__filename, ...process.argv.slice(2)], { stdio: 'inherit' });
    process.on('SIGINT', () => {});
    child.on('exit', (code) => process.exit(code ?? 1));
    return;
  }
}
import('../dist/cli/main.js');
