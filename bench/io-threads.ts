import { spawnSync } from 'node:child_process';

/** The command line's number of threads. */
const threads = 8;

/** Runs `main` in a process whose libuv has enough threads: it takes their number from the environment it starts with. */
export async function withIoThreads(main: (ioThreads: number) => Promise<unknown>): Promise<void> {
  const given = Number(process.env['UV_THREADPOOL_SIZE']);
  if (given > 1) {
    await main(given);
    return;
  }
  const env = { ...process.env, UV_THREADPOOL_SIZE: `${threads}` };
  const args = [...process.execArgv, ...process.argv.slice(1)];
  process.exitCode = spawnSync(process.execPath, args, { env, stdio: 'inherit' }).status ?? 1;
}
