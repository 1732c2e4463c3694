import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { ownThread } from '../base/own-program.ts';
import { hearLine, takeLinesFrom } from './log.ts';

/** A line, and its level. */
export type LogLine = readonly [level: number, text: string];

/** The things that the thread of the log shares with the one that has started it. */
export interface LogThreadData {
  /** The way of the lines. */
  readonly lines: MessagePort;
  /** 1 once the thread hears; and the number of lines that have arrived. */
  readonly counts: Int32Array;
  /** The file that trouble is written to at once. */
  readonly troubleFile: number | undefined;
}

/** Milliseconds that the thread may take to start. */
const patience = 30_000;

let begun = false;

/**
 * Has a thread of its own hear what ggml and libllama log from now on. Drivers log on threads of theirs, which wait until
 * the line is heard: the thread of JavaScript may itself be waiting for them, in a call of C. Warnings and errors are
 * written to `troubleFile`, if there is one, before libraries go on. Throws an Error where no thread starts.
 */
export function hearLogAside(troubleFile?: number): void {
  if (begun) return;
  begun = true;
  const { port1, port2 } = new MessageChannel();
  const counts = new Int32Array(new SharedArrayBuffer(8));
  const data: LogThreadData = { lines: port2, counts, troubleFile };
  const worker = new Worker(ownThread('log-main', import.meta.url), {
    workerData: data,
    transferList: [port2],
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 },
  });
  worker.unref();
  if (Atomics.wait(counts, 0, 0, patience) === 'timed-out') throw new Error('no thread for its log starts');
  const hear = ([level, text]: LogLine): void => {
    hearLine(level, text);
    Atomics.add(counts, 1, 1);
    Atomics.notify(counts, 1);
  };
  port1.on('message', hear);
  port1.unref();
  takeLinesFrom(() => {
    for (let line = receiveMessageOnPort(port1); line; line = receiveMessageOnPort(port1)) hear(line.message);
  });
}
