import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { SavedCalibration } from '../src/cli/calibrations.ts';
import type { BenchReport } from '../src/cli/print/bench-report.ts';
import { storageOf } from '../src/cli/storage.ts';
import type { GenerationStats } from '../src/engine/generation-stats.ts';
import { CpuDevice } from '../src/ggml/cpu-device.ts';
import { typeNamed } from '../src/gguf/types.ts';
import { medianFigures } from '../src/model/benchmark-figures.ts';
import type { BenchPageData } from '../src/ui/bench-page-data.ts';
import { attemptCli } from './support/attempt-cli.ts';
import { writeLoopingModel } from './support/chat-model.ts';
import { run, runJson, start } from './support/cli.ts';
import { until } from './support/processes.ts';
import { smollm2 } from './support/smollm2.ts';
import { asked, Teller } from './support/teller.ts';
import { sharedFolder, tempFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const model = await smollm2();
const MiB = 2 ** 20;
const short = ['--tokens', '3', '--prompt-tokens', '10', '--rounds', '1', '--threads', '1'];
/** About half of the weights stream. */
const tight = ['--memory-budget', '192M', '--ctx', '512'];

test('a benchmark finds the device, the limits and the speed, in one object whose numbers add up', async () => {
  using folder = tempFolder();
  const [chart, html] = [folder.file('pass.svg'), folder.file('bench.html')];
  const files = ['--chart', chart, '--html', html];
  const options = [...tight, ...short, '--rounds', '2', '--kernels', 'plain', '--cold', ...files, '--json'];
  // With three reads in flight no setting is left out: for more, this file or the budget might be too small.
  const env = { SSD_LLM_CACHE: folder.file('cache'), UV_THREADPOOL_SIZE: '4' };
  const { code, stdout, stderr } = await run(['bench', model, ...options], { env });
  assert.deepEqual([code, stderr], [0, '']);
  const report = JSON.parse(stdout) as BenchReport;
  const { calibration, first_token, prefill, decode, alone, memory, rounds } = report;

  using device = new CpuDevice(1);
  assert.equal(report.machine.cpu_variant, device.variant ?? null);
  assert.deepEqual([report.machine.threads, report.machine.node], [1, process.version]);
  assert.equal(report.machine.device_name, storageOf(model)?.name);
  assert.deepEqual([report.model.path, report.model.architecture], [model, 'llama']);
  assert.deepEqual([report.budget, report.plan.context, report.cold], [192 * MiB, 512, true]);
  assert.equal(report.speculation, null);
  assert.equal(report.plan.resident.converted, 0, 'plain kernels');
  assert.ok(memory.budget === report.budget && memory.peak <= memory.budget, `peak ${memory.peak}`);

  assert.ok(calibration.bytes_per_s > 0 && calibration.in_flight <= 3 && calibration.chunk >= MiB);
  assert.ok(first_token.bytes_read >= first_token.sweep_bytes && first_token.sweep_bytes > report.plan.streamed.bytes);
  assert.deepEqual([prefill.tokens, decode.tokens, rounds.length], [10, 3, 2]);
  assert.ok(prefill.ttft_ms > 0 && prefill.bytes_read > 0 && decode.bytes_per_token > 0);
  assert.ok(alone.bytes_per_s && alone.compute_s_per_token > 0);

  const raw = rounds.map((round) => ({ ...round, memory }));
  const figures = medianFigures(raw);
  for (const name of ['prefill', 'decode', 'alone', 'spread'] as const) assert.deepEqual(report[name], figures[name]);
  const fractions = raw.map(({ reading, decode: d, computing_s }) => {
    // Other work was in the way of reading or computing alone, where decoding was faster.
    const computing = Math.min(d.tokens * computing_s, d.compute_s);
    const bytes = d.tokens * d.bytes_per_token;
    const rate = Math.max((reading?.bytes ?? 0) / (reading?.seconds ?? 1), bytes / d.io_s);
    return Math.min(1, Math.max(bytes / rate, computing) / d.seconds);
  });
  const [least, most] = report.spread.fraction_of_limit;
  const lowest = Math.abs(least - Math.min(...fractions));
  const highest = Math.abs(most - Math.max(...fractions));
  assert.ok(lowest < 1e-9 && highest < 1e-9, `${least} to ${most} by ${fractions.join(', ')}`);
  for (const { decode: d } of raw) assert.ok(Math.abs(d.tokens_per_s - d.tokens / d.seconds) < 1e-9);

  assert.match(readFileSync(chart, 'utf8'), /^<svg[^>]*>[\s\S]*<\/svg>\s*$/);
  checkPage(readFileSync(html, 'utf8'), report);
  const text = readFileSync(folder.file('cache/calibrations.json'), 'utf8');
  const [kept, ...others] = Object.values(JSON.parse(text) as Record<string, SavedCalibration>);
  const { chunk: chunkBytes, in_flight: inFlight, bytes_per_s: bytesPerSecond, direct } = calibration;
  const found = { bytesPerSecond, chunkBytes, inFlight, direct };
  assert.deepEqual({ ...kept, ...found }, kept, 'later runs know the device');
  assert.deepEqual(others, []);
});

/** Checks that a page shows a report, with the token that it draws, and needs nothing else. */
function checkPage(html: string, { plan, memory, model }: BenchReport): void {
  assert.ok(html.length < 250_000, `${html.length}`);
  assert.doesNotMatch(html, /(?:src|href)="(?!data:)|\burl\(|\bimport\(|\bfetch\(/);
  assert.match(html, /default-src 'none'/);
  const [, json = ''] = /<script type="application\/json" id="data">([^<]*)<\/script>/.exec(html) ?? [];
  const { rows, engine, ...data } = JSON.parse(json) as BenchPageData;
  assert.deepEqual([data.model, engine.plan.memory, engine.plan.budget], [model.name, plan.memory, memory.budget]);
  assert.ok(engine.process.peak <= memory.budget && engine.layers.some(({ streamed }) => streamed > 0));
  assert.deepEqual([engine.last_pass?.answer_tokens, engine.last_pass?.prompt_tokens], [1, 0]);
  assert.ok((engine.last_pass?.bytes ?? 0) > 0 && rows.some(([name]) => name === 'decode'));
}

test('a benchmark prints a table and nothing else', async () => {
  const { code, stdout, stderr } = await run(['bench', model, ...tight, ...short]);
  assert.deepEqual([code, stderr], [0, '']);
  for (const line of stdout.trimEnd().split('\n')) assert.match(line, /^\|.*\|$/);
  for (const line of [
    /^\| memory +\| budget 192 MiB, peak [\d.]+ MiB, context 512 tokens +\|$/m,
    /^\| first token, warm +\| [\d.]+ m?s from opening the model/m,
    /^\| prefill +\| [\d.]+ tokens\/s .*: 10 tokens/m,
    /^\| decode +\| [\d.]+ tokens\/s .* per token +\|$/m,
    /^\| reading alone +\| [\d.]+ [MG]iB\/s/m,
    /^\| fraction of limit +\| \d+\.\d{3} /m,
  ]) {
    assert.match(stdout, line);
  }
});

test('a model that fits is measured too, and CSV has the medians', async () => {
  const roomy = ['bench', model, '-m', '1G', ...short, '--output'];
  const csv = await run([...roomy, 'csv']);
  assert.equal(csv.code, 0, csv.stderr);
  const [names = '', values = '', end] = csv.stdout.split('\n');
  assert.equal(end, '');
  assert.match(names, /^machine\.cpu,.*calibration\.bytes_per_s,.*decode\.fraction_of_limit/);
  assert.match(values, /,llama,/);
  const json = await run([...roomy, 'json']);
  const { plan, alone, spread } = JSON.parse(json.stdout) as BenchReport;
  assert.deepEqual([plan.streamed.bytes, alone.bytes_per_s, spread.bytes_per_s], [0, null, null]);
  using device = new CpuDevice(1);
  const faster = ['q4_1', 'q8_0'].some((name) => device.layoutFor(typeNamed(name)?.id ?? 0, [576, 576]));
  assert.equal(plan.resident.converted > 0, faster, 'kernels are auto unless others are asked for');
});

test('a text is answered instead of made-up tokens, anew in each round, and drafts make for fewer passes', async () => {
  const looping = folder.file('looping.gguf');
  writeLoopingModel(looping);
  const bench = async (...args: readonly string[]): Promise<string> => {
    const machine = ['-m', '300M', '--ctx', '512', '--threads', '1', '--kernels', 'plain', '--no-adaptive-draft'];
    const asked = ['-p', 'Go on.', '--tokens', '60'];
    const { code, stdout, stderr } = await run(['bench', looping, ...machine, ...asked, ...args]);
    assert.deepEqual([code, stderr], [0, '']);
    return stdout;
  };
  await using teller = new Teller(looping);
  const { length } = teller.model.tokenize(asked('Go on.'));
  const { rounds, speculation, decode } = JSON.parse(
    await bench('--draft-ngram', '--rounds', '2', '--json'),
  ) as BenchReport;
  for (const { prefill } of rounds) assert.deepEqual([prefill.tokens, prefill.cached], [length, 0]);
  const { drafted, accepted, passes } = speculation ?? assert.fail();
  assert.ok(drafted >= accepted && accepted > 0);
  assert.deepEqual([passes + accepted, decode.tokens], [60, 60]);

  // The best draft model for a model is itself.
  const table = await bench('--draft-model', looping, '--draft-ahead', '2', '--rounds', '1');
  const [, right = 0, proposed = 0, each = 0] =
    /^\| drafted +\| (\d+) of (\d+) tokens accepted: ([\d.]+) tokens per pass +\|$/m.exec(table)?.map(Number) ?? [];
  assert.ok(right > 0 && right === proposed && proposed <= 2 * (60 - right), table);
  assert.ok(Math.abs(each - 60 / (60 - right)) < 0.01, table);
});

test('an answer is read for as the device was found to be read best, if that is known and sound', async () => {
  using folder = tempFolder();
  const args = ['run', model, '-p', 'Hi', '-n', '2', ...tight, '-t', '1'];
  const io = async (cache: string): Promise<GenerationStats['io']> => {
    writeFileSync(folder.file('calibrations.json'), cache);
    return (await runJson(args, { env: { SSD_LLM_CACHE: folder.path } })).stats.io;
  };
  const known = { bytesPerSecond: 1e9, chunkBytes: 65536, inFlight: 2, direct: true };
  const { chunk, in_flight } = await io(JSON.stringify({ [storageOf(model)?.key ?? '']: known }));
  assert.deepEqual([chunk, in_flight], [65536, 2]);
  // Another way is found, whose reads are longer.
  assert.ok((await io('{ damaged')).chunk > 65536);
});

test('what cannot be measured is refused before anything is', async () => {
  using folder = tempFolder();
  const unwritable = await attemptCli('bench', model, ...tight, '--chart', folder.file('missing/pass.svg'));
  assert.equal(unwritable.code, 1);
  assert.match(unwritable.stderr, /^error: .*pass\.svg cannot be written \(ENOENT\); .*\[UNWRITABLE\]\n$/);
  const missing = await attemptCli('bench', folder.file('none.gguf'), '--chart', folder.file('pass.svg'));
  assert.equal(missing.code, 3);
  assert.ok(!existsSync(folder.file('pass.svg')), 'a chart of nothing is not left behind');
  for (const wrong of [
    ['--tokens', '0'],
    ['--output', 'xml'],
    ['--json', '--output', 'csv'],
    ['--prompt', 'Hi', '--prompt-tokens', '128'],
    ['--draft-ahead', '65'],
  ]) {
    assert.equal((await attemptCli('bench', model, ...wrong)).code, 2, wrong.join(' '));
  }
});

test('what does not fit the context cannot be measured', async () => {
  const small = ['bench', model, '-m', '1G', '-c', '64'];
  const long = await attemptCli(...small, '--prompt-tokens', '60', '--tokens', '5');
  assert.equal(long.code, 2);
  assert.match(
    long.stderr,
    /--prompt-tokens and --tokens 60 and 5 is not valid; expected .* 64 tokens.*\[BAD_OPTION\]/,
  );
  const text = await attemptCli(...small, '-p', 'word '.repeat(25));
  assert.equal(text.code, 2);
  assert.match(text.stderr, /--prompt and --tokens \d+ and 16 is not valid; .* 64 tokens.*\[BAD_OPTION\]/);
  assert.match((await attemptCli(...small, '-p', '')).stderr, /\[NO_PROMPT\]/);
});

/** Whether a process has a file open. */
const hasOpen = (pid: number, path: string): boolean => {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === path);
  } catch {
    return false;
  }
};

test('Ctrl-C ends a benchmark with exit code 130, whatever it is at', {
  skip: process.platform !== 'linux',
}, async () => {
  using folder = tempFolder();
  const path = realpathSync(model);
  const known = (cache: string): boolean => existsSync(join(cache, 'calibrations.json'));
  for (const reached of [
    (pid: number, cache: string) => hasOpen(pid, path) && !known(cache),
    (pid: number, cache: string) => hasOpen(pid, path) && known(cache),
  ]) {
    using cache = tempFolder();
    const chart = folder.file('pass.svg');
    const args = ['bench', model, ...tight, ...short, '--rounds', '1000', '--chart', chart];
    const { child, ended } = start(args, { env: { SSD_LLM_CACHE: cache.path } });
    await until(() => reached(child.pid ?? 0, cache.path));
    child.kill('SIGINT');
    assert.deepEqual(await ended, { code: 130, stdout: '', stderr: '' });
  }
  assert.deepEqual(readdirSync(folder.path), []);
});

test('a report about the device says in Markdown how fast it is, resident and streamed, and names no file', async () => {
  using folder = tempFolder();
  const path = writeLoopingModel(folder.file('secret.gguf'));
  const { code, stdout } = await run(['bench', path, '--report', '--device', 'cpu', ...short]);
  assert.equal(code, 0);
  assert.match(stdout, /^## .+ \(cpu\)\n\n\| device +\| .+ +\|\n/);
  assert.match(
    stdout,
    /^\| logits streamed against in memory +\| \S+ apart; 24 of 24 likeliest tokens are the same +\|$/m,
  );
  assert.match(stdout, /^\| decode +\| [\d.]+ tokens\/s +\| [\d.]+ tokens\/s +\|$/m);
  assert.ok(!stdout.includes('secret'));
  const both = await attemptCli('bench', path, '--report', '--output', 'csv');
  assert.match(both.stderr, /--report/);
});
