import { EngineError } from '../base/errors.ts';
import { hearEnd } from '../ggml/driver-end.ts';
import { endProcess } from '../ggml/system.ts';
import { errorLine, fail } from './print/output.ts';

/** Ends the command with an error and exit code 1 where the driver of `device` would end it with a signal. */
export const tellDriverEnd = (device: string): void =>
  hearEnd((reason) => {
    // Nobody else puts the terminal back: the process ends at once, since what is left of the driver may hang.
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    fail(errorLine(new EngineError('DEVICE_FAILED', { device, reason })));
    endProcess(1);
  });
