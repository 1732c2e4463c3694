import assert from 'node:assert/strict';
import test from 'node:test';
import { type BenchReport, reportFormats } from './bench-report.ts';

const memory = {
  budget: 2 ** 30,
  peak: 2 ** 29,
  resident: 1,
  ring: 2,
  kv: 3,
  compute: 4,
  experts: 0,
  adapters: 0,
  draft: 0,
  runtime: 5,
};

const report: BenchReport = {
  machine: {
    cpu: 'A "fast" CPU, 4 GHz',
    cpu_variant: 'haswell',
    threads: 2,
    gpu: null,
    os: 'linux 6 x64',
    node: 'v20',
    device_name: 'DISK|ONE',
  },
  gpu_reading: null,
  model: {
    path: '/models/m.gguf',
    name: 'A model\u001b[31m',
    title: null,
    architecture: 'llama',
    graphs: 'own',
    layers: 2,
    width: 8,
    heads: 2,
    kv_heads: 1,
    parameters: 1000,
    bytes: 3 * 2 ** 30,
    files: 1,
    types: { q4_0: { tensors: 3, bytes: 100 } },
    unused: { weights: 0, bytes: 0 },
    context: 4096,
    embeddings: null,
    rope: { base: 10000, factor: 1, scaling: 'none', original_context: 4096, factors: null },
    tokenizer: { model: 'gpt2', pre: null, tokens: 100, chat_template: false, tool_template: false },
  },
  plan: {
    budget: 2 ** 30,
    context: 512,
    kv_type: 'f16',
    window: null,
    batch: 64,
    memory,
    resident: { weights: 2, bytes: 2 ** 30, converted: 1 },
    streamed: { weights: 3, bytes: 2 ** 31 },
    experts: null,
    host: null,
    kv_on_ssd: { bytes: 0, layers: 0 },
    bytes_per_token: 2 ** 31,
  },
  budget: 2 ** 30,
  cold: true,
  calibration: { bytes_per_s: 5 * 2 ** 30, chunk: 2 ** 22, in_flight: 7, direct: true },
  first_token: { seconds: 1.234, sweep_bytes: 3 * 2 ** 30, bytes_read: 3.5 * 2 ** 30 },
  prefill: { tokens: 128, tokens_per_s: 64, ttft_ms: 2000, bytes_read: 2 ** 31 },
  decode: {
    tokens: 4,
    seconds: 2,
    tokens_per_s: 2,
    bytes_per_token: 2 ** 31,
    io_s: 1.9,
    compute_s: 1,
    stall_s: 0.75,
    fraction_of_limit: 0.95,
  },
  speculation: null,
  experts: null,
  alone: { bytes_per_s: 4.5 * 2 ** 30, compute_s_per_token: 0.25 },
  memory,
  spread: {
    prefill_tokens_per_s: [60, 70],
    decode_tokens_per_s: [1.9, 2.1234],
    fraction_of_limit: [0.9, 0.99],
    bytes_per_s: [2 ** 32, 5 * 2 ** 30],
  },
  rounds: [],
};

test('the table is Markdown whose columns stand below each other', () => {
  const lines = reportFormats.md(report).split('\n');
  assert.equal(lines.pop(), '', 'it ends with a newline');
  const bars = (line: string): number[] => [...line.replaceAll('\\|', '  ').matchAll(/\|/g)].map(({ index }) => index);
  for (const line of lines) assert.deepEqual(bars(line), bars(lines[1] ?? ''), line);
  assert.match(lines[1] ?? '', /^\| -+ \| -+ \|$/);
  assert.match(lines[0] ?? '', /^\| A model\ufffd\[31m \(llama\)/, 'no control characters');
  const text = lines.join('\n');
  for (const line of [
    /^\| device +\| DISK\\\|ONE: 5 GiB\/s with 7 in flight, 4 MiB each, past the page cache +\|$/m,
    /^\| memory +\| budget 1 GiB, peak 512 MiB, context 512 tokens +\|$/m,
    /^\| first token, cold +\| 1\.23 s from opening the model; read 3\.5 GiB +\|$/m,
    /^\| prefill +\| 64 tokens\/s \(60 to 70\): 128 tokens, the next after 2 s; read 2 GiB +\|$/m,
    /^\| decode +\| 2 tokens\/s \(1\.9 to 2\.12\): 500 ms and 2 GiB per token +\|$/m,
    /^\| of a token +\| reading 475 ms, computing 250 ms, waiting for weights 188 ms +\|$/m,
    /^\| reading alone +\| 4\.5 GiB\/s \(4 GiB\/s to 5 GiB\/s\): 444 ms per token +\|$/m,
    /^\| computing alone +\| 250 ms per token +\|$/m,
    /^\| fraction of limit +\| 0\.950 \(0\.900 to 0\.990\) +\|$/m,
  ]) {
    assert.match(text, line);
  }
});

test('without streaming there is nothing to say about reading alone', () => {
  const resident: BenchReport = {
    ...report,
    alone: { ...report.alone, bytes_per_s: null },
    spread: { ...report.spread, bytes_per_s: null },
  };
  assert.doesNotMatch(reportFormats.md(resident), /reading alone/);
});

test('a report tells of drafts where there were any', () => {
  assert.doesNotMatch(reportFormats.md(report), /drafted/);
  const drafted = { ...report, speculation: { drafted: 5, accepted: 2, passes: 3, tokens_per_pass: 5 / 3 } };
  assert.match(reportFormats.md(drafted), /^\| drafted +\| 2 of 5 tokens accepted: 1\.67 tokens per pass +\|$/m);
  const [names, values] = reportFormats.csv(drafted).split('\n');
  const [sameNames, without] = reportFormats.csv(report).split('\n');
  assert.equal(names, sameNames, 'rows of both kinds can stand below each other');
  assert.match(
    names ?? '',
    /,speculation\.drafted,speculation\.accepted,speculation\.passes,speculation\.tokens_per_pass,/,
  );
  assert.match(values ?? '', /,5,2,3,1\.66\d+,/);
  assert.match(without ?? '', /,,,,/);
});

test('a report tells of experts that came one by one', () => {
  assert.doesNotMatch(reportFormats.md(report), /experts/);
  const { tokens } = report.decode;
  const mixture = { ...report, experts: { asked: 80, hits: 60, bytes_read: 2 ** 20 * tokens, stall_s: tokens / 100 } };
  const row = /^\| experts +\| 60 of 80 found in memory; reading 1 MiB and waiting 10 ms per token +\|$/m;
  assert.match(reportFormats.md(mixture), row);
  const [names, values] = reportFormats.csv(mixture).split('\n');
  assert.equal(names, reportFormats.csv(report).split('\n')[0]);
  assert.match(names ?? '', /,experts\.asked,experts\.hits,experts\.bytes_read,experts\.stall_s,/);
  assert.match(values ?? '', /,80,60,\d+,[\d.]+,/);
});

test('JSON is the whole report', () => {
  assert.deepEqual(JSON.parse(reportFormats.json(report)), report);
});

test('CSV is a line of names and a line of as many values, quoted where they must be', () => {
  const text = reportFormats.csv({ ...report, alone: { ...report.alone, bytes_per_s: null } });
  const [names = '', values = '', rest] = text.split('\n');
  assert.equal(rest, '');
  const cells = values.match(/"(?:[^"]|"")*"|[^,]+|(?<=,)(?=,)/g) ?? [];
  const row = new Map(names.split(',').map((name, i) => [name, cells[i]]));
  assert.equal(cells.length, row.size);
  assert.equal(row.get('machine.cpu'), '"A ""fast"" CPU, 4 GHz"');
  assert.equal(row.get('decode.fraction_of_limit'), '0.95');
  assert.equal(row.get('alone.bytes_per_s'), '');
  assert.equal(row.get('memory.peak'), `${2 ** 29}`);
});

test('at a terminal the report is lines of its width, whose cells stand below each other', () => {
  for (const columns of [80, 40]) {
    const lines = reportFormats.text(report, columns).trimEnd().split('\n');
    assert.ok(
      lines.every((line) => line.length <= columns),
      lines.join('\n'),
    );
    const text = lines.join(' ').replace(/ +/g, ' ');
    for (const found of [
      'A model\ufffd[31m (llama): 1 GiB resident, 2 GiB streamed',
      'decode 2 tokens/s',
      'DISK|ONE: 5 GiB/s',
    ]) {
      assert.ok(text.includes(found), text);
    }
  }
});
