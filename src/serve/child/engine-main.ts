/** The process that one model's engine runs in: `EngineProcess` starts it and gives it orders. */
import type { Order, Report } from './protocol.ts';
import { Session } from './session.ts';

const session = new Session((report: Report) => {
  // The server may be gone, or go meanwhile: without the callback that would be an error that nobody handles.
  if (process.connected) process.send?.(report, undefined, undefined, () => {});
});

process.on('message', (order: Order) => session.obey(order));
process.on('disconnect', () => session.end());
// A terminal sends these to the server and its engines alike; the server says when it is time.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
