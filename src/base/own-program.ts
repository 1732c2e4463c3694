import { extname } from 'node:path';

/** True if the file of a URL is a source, and no part of a bundle. */
const isSource = (url: string): boolean => extname(url) === '.ts';

/** The program `name` beside the file of URL `beside`, whether that is a source or part of a bundle. */
export const ownProgram = (name: string, beside: string): URL => new URL(`${name}${extname(beside)}`, beside);

/** Arguments of Node that let it run a program. */
export const programArguments = (program: URL): readonly string[] =>
  isSource(program.href) ? ['--import', import.meta.resolve('tsx')] : [];

/** The same program for a thread, whose arguments load nothing. */
export function ownThread(name: string, beside: string): URL {
  const program = ownProgram(name, beside);
  if (!isSource(beside)) return program;
  const [api, path] = [import.meta.resolve('tsx/esm/api'), program.href].map((url) => JSON.stringify(url));
  const code = `import { register } from ${api}; register(); await import(${path});`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}
