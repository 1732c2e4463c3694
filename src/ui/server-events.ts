/** Takes server-sent events out of a text that comes in pieces. Comments and fields other than data are left out. */
export class EventReader {
  #rest = '';

  /** The data of the events that a piece completes. */
  push(piece: string): readonly string[] {
    const events = (this.#rest + piece).split('\n\n');
    this.#rest = events.pop() ?? '';
    return events.flatMap((event) => {
      const lines = event.split('\n').filter((line) => line.startsWith('data:'));
      return lines.length > 0 ? [lines.map((line) => line.slice('data:'.length).trimStart()).join('\n')] : [];
    });
  }
}

/** Takes lines out of a text that comes in pieces. Empty ones are left out. */
export class LineReader {
  #rest = '';

  /** The lines that a piece completes. */
  push(piece: string): readonly string[] {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.filter((line) => line.trim() !== '');
  }
}
