import { at } from '../base/at.ts';
import { awake } from '../plan/awake-threads.ts';

/** The steps of a pass, and its time in seconds. */
export interface PassSeconds {
  readonly steps: number;
  /** Computing its steps. */
  readonly compute: number;
  /** Waiting for their weights. */
  readonly stall: number;
  /** CPU time of the process, all threads together. */
  readonly cpu: number;
}

/** With this share of a pass spent waiting, half of the threads may do. */
const idle = 0.4;
/** With less than this, computing holds up the reading. */
const busy = 0.2;
/** Threads that get less than this share of a core each share it with others, and then wait for each other. */
const undisturbed = 0.85;
/** Fewer threads are as good if a pass takes at most this many times as long; more have to gain as much. */
const tolerance = 1.05;
/** Passes until a failed choice is tried again: the machine's other work may have changed. */
const patience = 64;
/** A number of threads is judged by so many passes, or by so many seconds: a short pass may be held up by anything. */
const enough = { passes: 9, seconds: 1 };

const timeOf = ({ compute, stall }: PassSeconds): number => compute + stall;

/** The pass that took longer than half of them. */
const typicalOf = (passes: readonly PassSeconds[]): PassSeconds =>
  at(
    [...passes].sort((a, b) => timeOf(a) - timeOf(b)),
    Math.floor(passes.length / 2),
  );

/**
 * The number of threads for passes that wait for their weights: as few as hide behind reading, found by trying. The
 * cores that are left serve the reads; and threads that the system puts aside hold up all others, so that on a machine
 * with other work fewer may be faster.
 */
export class ThreadTuner {
  readonly #most: number;
  #threads: number;
  /** The choice before the one that is being tried. */
  #before: { readonly threads: number; readonly time: number; readonly disturbed: boolean } | undefined;
  #wait = 0;
  #spin = false;
  /** The passes that were computed with `threads`, until they are enough. */
  #passes: PassSeconds[] = [];

  /** `most` threads at most; `first` ones at first, which are known to be as good if they are fewer: others are tried later. */
  constructor(most: number, first: number = most) {
    this.#most = most;
    this.#threads = first;
    if (first < most) this.#wait = patience;
  }

  get threads(): number {
    return this.#threads;
  }

  /** True if threads shall stay awake between the steps of the next pass. */
  get spin(): boolean {
    return this.#spin;
  }

  /** Records a pass that was computed with `threads` threads. */
  record(pass: PassSeconds): void {
    this.#spin = pass.steps > awake.steps && pass.compute < awake.seconds * pass.steps;
    if (this.#wait > 0) {
      this.#wait -= 1;
      return;
    }
    this.#passes.push(pass);
    const seconds = this.#passes.reduce((sum, each) => sum + timeOf(each), 0);
    if (this.#passes.length < enough.passes && seconds < enough.seconds) return;
    this.#judge(typicalOf(this.#passes.splice(0)));
  }

  #judge({ compute, stall, cpu }: PassSeconds): void {
    const time = compute + stall;
    const before = this.#before;
    this.#before = undefined;
    if (before && time > before.time * (this.#threads < before.threads ? tolerance : 1 / tolerance)) {
      this.#threads = before.threads;
      this.#wait = patience;
      return;
    }
    // Without a disturbance, more threads would seem to be wanted.
    if (before?.disturbed) {
      this.#wait = patience;
      return;
    }
    const disturbed = cpu < undisturbed * this.#threads * compute;
    const half = Math.ceil(this.#threads / 2);
    const twice = Math.min(this.#most, 2 * this.#threads);
    const next = disturbed || stall > idle * time ? half : stall < busy * time ? twice : this.#threads;
    if (next === this.#threads) return;
    this.#before = { threads: this.#threads, time, disturbed };
    this.#threads = next;
  }
}
