/** Silence of a process that is watched, and told of beforehand. */

let hear: ((seconds: number) => void) | undefined;

/** Tells whoever watches this process that it may give no sign of life for `seconds`: a trial or a driver keeps it. */
export const announceSilence = (seconds: number): void => hear?.(seconds);

/** Passes each announcement to `onSilence` before the process falls silent. */
export function hearSilence(onSilence: (seconds: number) => void): void {
  hear = onSilence;
}
