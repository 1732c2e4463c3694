import type { ServerStatus } from './server.ts';
import type { Rates } from './shares.ts';

/** A part of the page that shows something of the server's state. */
export interface StatusPanel {
  readonly section: HTMLElement;
  /** Shows a state; the rates are those of the last seconds. */
  update(status: ServerStatus, rates: Rates): void;
}
