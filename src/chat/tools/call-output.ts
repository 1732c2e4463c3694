import type { TextSource } from '../text-source.ts';
import type { PartList } from './part-list.ts';
import type { ToolSet } from './tool-set.ts';

/** The text that a call is read from, and the parts that come of it. */
export class CallOutput {
  readonly source: TextSource;
  readonly parts: PartList;
  readonly tools: ToolSet;
  /** True while what is read are thoughts. */
  thinking = false;

  constructor(source: TextSource, parts: PartList, tools: ToolSet) {
    this.source = source;
    this.parts = parts;
    this.tools = tools;
  }

  /** Begins a call; from here on its text is a call, whatever follows. */
  begin(name: string, id?: string): void {
    this.parts.begin(name, id);
    this.source.commit();
  }

  /** Adds the next part of the JSON of its arguments. */
  argument(text: string): void {
    this.parts.argument(text);
    this.source.commit();
  }
}
