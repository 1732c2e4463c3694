/** A command that never comes back to its event loop, for the test that Ctrl-C ends it. */
import { writeSync } from 'node:fs';
import { interruptible, interruptibleSync } from '../../src/cli/interrupt.ts';

await interruptible(async (abort) => {
  interruptibleSync(abort, () => {
    writeSync(process.stdout.fd, 'looping');
    for (;;);
  });
});
