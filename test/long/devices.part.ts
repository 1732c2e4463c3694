import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { nmse } from '../../src/base/nmse.ts';
import { architectureFile } from '../support/architectures/architecture-file.ts';
import { Reference } from '../support/architectures/reference.ts';
import { type ArchitectureRow, architectures } from '../support/architectures/rows.ts';
import { usualBatches } from '../support/architectures/usual-batches.ts';
import { firstDiffers } from '../support/logits.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { withoutVulkan } from '../support/vulkan.ts';
import type { FixtureAnswer, FixtureRequest } from './devices/fixture-main.ts';
import type { Part, Row } from './part.ts';

const program = fileURLToPath(new URL('devices/fixture-main.ts', import.meta.url));
/** Errors of logits, as shares of their size: computed in another order, and on a device that rounds otherwise. */
const [reordered, rounded] = [1e-5, 1e-2];
/** Milliseconds for a fixture, whose shaders are compiled. */
const patience = 900_000;

const flat = (rows: readonly Float32Array[]): Float32Array => Float32Array.from(rows.flatMap((row) => [...row]));

/** The answer of a process of its own, or its end. */
async function computedAside(request: FixtureRequest): Promise<FixtureAnswer | 'crashed'> {
  const child = fork(program, { serialization: 'advanced', stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const late = setTimeout(() => child.kill('SIGKILL'), patience);
  child.send(request);
  const answer = await Promise.race([
    once(child, 'message').then(([message]) => message as FixtureAnswer),
    once(child, 'exit').then(() => 'crashed' as const),
  ]);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  clearTimeout(late);
  return answer;
}

/** Things that are counted: how many there were, and a line for each that failed. */
class Count {
  readonly name: string;
  readonly #failed: string[] = [];
  readonly #skipped: string[] = [];
  #tried = 0;

  constructor(name: string) {
    this.name = name;
  }

  add(what: string, failure: string | undefined): void {
    this.#tried += 1;
    if (failure !== undefined) this.#failed.push(`${what}: ${failure}`);
  }

  skip(what: string): void {
    this.#skipped.push(what);
  }

  get row(): Row {
    const passed = this.#tried - this.#failed.length;
    return { name: this.name, tried: this.#tried, passed, failed: this.#failed, skipped: this.#skipped };
  }
}

const beyond = (error: number, most: number): string | undefined =>
  error <= most ? undefined : `an error of ${error.toPrecision(2)}`;

/** Compares fixtures in one kind of memory with the CPU, with libllama on the same device, and streamed with resident. */
class Comparison {
  readonly #memory: FixtureRequest['memory'];
  readonly #reference: Reference;
  readonly #supported: Count;
  readonly #ends: Count;
  readonly #cpu: Count;
  readonly #device: Count;
  readonly #streamed: Count;

  constructor(memory: FixtureRequest['memory'], reference: Reference) {
    this.#memory = memory;
    this.#reference = reference;
    const count = (what: string): Count => new Count(`${memory}: ${what}`);
    this.#supported = count('all operations are there');
    this.#ends = count('the driver ends no process');
    this.#cpu = count('as on the CPU');
    this.#device = count('as libllama on the device');
    this.#streamed = count('streamed as resident');
  }

  get rows(): readonly Row[] {
    return [this.#supported, this.#ends, this.#cpu, this.#device, this.#streamed].map(({ row }) => row);
  }

  async try({ name }: ArchitectureRow, path: string): Promise<void> {
    architectureFile(path, name);
    const request = { name, path, memory: this.#memory };
    let answer = await computedAside(request);
    this.#ends.add(name, answer === 'crashed' ? 'it did; tried again' : undefined);
    if (answer === 'crashed') answer = await computedAside(request);
    if (answer === 'crashed') return this.#cpu.add(name, 'the driver ends the process each time');
    if ('error' in answer) return this.#cpu.add(name, answer.error);
    // A device need not have all operations: models that want them are refused, and these say why.
    if ('unsupported' in answer) return this.#supported.skip(`${name}: ${answer.unsupported.join(', ')}`);
    this.#supported.add(name, undefined);
    const { cpu, resident, streamed } = answer;
    const error = beyond(nmse(flat(resident), flat(cpu)), rounded);
    this.#cpu.add(name, error ?? firstDiffers(resident, cpu));
    this.#streamed.add(name, beyond(nmse(flat(streamed), flat(resident)), reordered));
    await this.#compare(request, resident);
  }

  /** Compares with libllama, whose process the driver may end, too: then it is asked again. */
  async #compare({ name, path }: FixtureRequest, resident: readonly Float32Array[]): Promise<void> {
    const ask = () => this.#reference.logits({ path, batches: usualBatches(name), options: { device: true } });
    try {
      const rows = await ask().catch(ask);
      this.#device.add(name, beyond(nmse(flat(resident), flat(rows)), reordered));
    } catch (error) {
      this.#device.skip(`${name}: ${(error as Error).message}`);
    }
  }
}

export const part: Part = {
  about: 'the small model of every architecture on a Vulkan device, in memory of the process and as if it had its own',
  rows: async function* () {
    if (withoutVulkan) {
      yield { name: 'devices', tried: 0, passed: 0, failed: [], skipped: [withoutVulkan] };
      return;
    }
    using folder = tempFolder();
    await using reference = new Reference();
    for (const memory of ['host', 'apart'] as const) {
      const comparison = new Comparison(memory, reference);
      for (const row of architectures.filter(({ state }) => state !== 'nothing')) {
        await comparison.try(row, folder.file('model.gguf'));
      }
      yield* comparison.rows;
    }
  },
};
