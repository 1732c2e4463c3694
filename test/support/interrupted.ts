/** A command that never comes back to its event loop, for the test that Ctrl-C ends it. */
import { writeSync } from 'node:fs';
import { interruptible, interruptibleBlocking } from '../../src/cli/interrupt.ts';

await interruptible(async (abort) => {
  await interruptibleBlocking(abort, () => {
    writeSync(process.stdout.fd, 'looping');
    for (;;);
  });
});
