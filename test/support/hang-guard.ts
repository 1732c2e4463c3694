import { afterEach, beforeEach } from 'node:test';

/** Minutes that a test may take, however slow the machine is. */
const minutes = 5;
const timers = new Map<string, NodeJS.Timeout>();

/** Preloaded, it ends a test file with the name of the test that hangs: of Node's own limit one learns the file only. */
function guard(): void {
  beforeEach(({ name }) => {
    const end = (): never => {
      console.error(`"${name}" has not ended within ${minutes} minutes`);
      process.exit(1);
    };
    timers.set(name, setTimeout(end, minutes * 60_000).unref());
  });
  afterEach(({ name }) => clearTimeout(timers.get(name)));
}

// Processes that a test forks are started with the same arguments.
if (process.argv[1]?.endsWith('.test.ts')) guard();
