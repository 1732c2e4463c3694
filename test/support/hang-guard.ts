import { afterEach, beforeEach } from 'node:test';
import { crowding } from './crowding.ts';

/** Minutes that a test may take where every process has a core; where several share one, as many times more. */
const minutes = 5;
const seconds = 5;
const timers = new Map<string, NodeJS.Timeout>();

// Loaded before a test file, this ends it with the name of the test that hangs: of Node's own limit one learns the file only.
beforeEach(({ name }) => {
  let spent = 0;
  const check = (): void => {
    spent += seconds / crowding();
    if (spent < minutes * 60) return;
    console.error(`"${name}" has not ended within ${minutes} minutes of a machine that is not busy`);
    process.exit(1);
  };
  timers.set(name, setInterval(check, seconds * 1000).unref());
});
afterEach(({ name }) => clearInterval(timers.get(name)));
