/** UTF-16 units of the longest line: a model that takes more in one text is not known. */
const mostUnits = 2 ** 22;

/** Lines of a text in UTF-8, without those that are empty. Rejects with a reason why the input is no such text. */
export async function* textLines(input: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decoded = (bytes?: Uint8Array): string => {
    try {
      return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
    } catch (cause) {
      throw new Error('it is no text in UTF-8', { cause });
    }
  };
  let [count, rest] = [0, ''];
  const checked = (line: string): string => {
    if (line.includes('\0')) throw new Error(`line ${count + 1} has a zero byte: it is no text`);
    if (line.length > mostUnits) throw new Error(`line ${count + 1} has more than ${mostUnits} characters`);
    return line;
  };
  for await (const bytes of input) {
    const lines = (rest + decoded(bytes)).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (checked(line) !== '') yield line;
      count += 1;
    }
    checked(rest);
  }
  rest += decoded();
  if (rest !== '') yield checked(rest);
}
