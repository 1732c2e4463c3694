import { fileURLToPath } from 'node:url';
import { nmse } from '../../src/base/nmse.ts';
import { openModelFile } from '../../src/gguf/model-file.ts';
import { AnsweringProcess } from '../support/answering-process.ts';
import { architectureFile } from '../support/architectures/architecture-file.ts';
import { Reference } from '../support/architectures/reference.ts';
import { architectures } from '../support/architectures/rows.ts';
import { fewBatches } from '../support/architectures/usual-batches.ts';
import { firstDiffers } from '../support/logits.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { withoutVulkan } from '../support/vulkan.ts';
import type { FixtureAnswer, FixtureRequest } from './devices/fixture-main.ts';
import { nodeTests, type Part, type Row } from './part.ts';

const program = fileURLToPath(new URL('devices/fixture-main.ts', import.meta.url));
/** Errors of logits, as shares of their size: computed in another order, and on a device that rounds otherwise. */
const [reordered, rounded] = [1e-5, 1e-2];
/** The same where layers choose the tokens that they look at: rounding may choose others. Measured: 1.2e-2, with all of them chosen less than 1e-2. */
const chosen = 3e-2;
/** Milliseconds for a model, whose shaders are compiled. */
const patience = 900_000;

const flat = (rows: readonly Float32Array[]): Float32Array => Float32Array.from(rows.flatMap((row) => [...row]));

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
    if (failure === undefined) return;
    this.#failed.push(`${what}: ${failure}`);
    this.#say(what, failure);
  }

  skip(what: string, reason: string): void {
    this.#skipped.push(`${what}: ${reason}`);
    this.#say(what, reason);
  }

  /** Rows are known only in the end, an hour later. */
  #say(what: string, line: string): void {
    console.log(`  ${what}, ${this.name}: ${line}`);
  }

  get row(): Row {
    const passed = this.#tried - this.#failed.length;
    return { name: this.name, tried: this.#tried, passed, failed: this.#failed, skipped: this.#skipped };
  }
}

const beyond = (error: number, most: number): string | undefined =>
  error <= most ? undefined : `an error of ${error.toPrecision(2)}`;

function choosesTokens(path: string): boolean {
  const { metadata } = openModelFile(path);
  return metadata.number(`${metadata.string('general.architecture')}.attention.indexer.top_k`, 0) > 0;
}

/** Processes that compute, with the small models' shaders in their memory, and a file for the models. */
interface Computing {
  readonly fixtures: AnsweringProcess<FixtureRequest, FixtureAnswer>;
  readonly reference: Reference;
  readonly path: string;
}

/** Compares small models in one kind of memory with the CPU, with libllama on the same device, and streamed with resident. */
class Comparison {
  readonly #memory: FixtureRequest['memory'];
  readonly #computing: Computing;
  readonly #supported: Count;
  readonly #ends: Count;
  readonly #cpu: Count;
  readonly #device: Count;
  readonly #streamed: Count;

  constructor(memory: FixtureRequest['memory'], computing: Computing) {
    this.#memory = memory;
    this.#computing = computing;
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

  /** Compares the model in the file with the logits of libllama on the device, if it gave any. */
  async try(name: string, expected: readonly Float32Array[] | Error): Promise<void> {
    const { fixtures, path } = this.#computing;
    const ask = () => fixtures.ask({ name, path, memory: this.#memory });
    let ends = '';
    const end = (error: Error): undefined => {
      ends ||= error.message;
      return undefined;
    };
    const answer = (await ask().catch(end)) ?? (await ask().catch(end));
    this.#ends.add(name, ends === '' ? undefined : ends);
    if (answer === undefined) return this.#cpu.add(name, 'the driver ends the process each time');
    if ('error' in answer) return this.#cpu.add(name, answer.error);
    // A device need not have all operations: models that want them are refused, and these say why.
    if ('unsupported' in answer) return this.#supported.skip(name, answer.unsupported.join(', '));
    this.#supported.add(name, undefined);
    const { cpu, resident, streamed } = answer;
    const error = beyond(nmse(flat(resident), flat(cpu)), choosesTokens(path) ? chosen : rounded);
    this.#cpu.add(name, error ?? firstDiffers(resident, cpu));
    this.#streamed.add(name, beyond(nmse(flat(streamed), flat(resident)), reordered));
    if (expected instanceof Error) this.#device.skip(name, expected.message);
    else this.#device.add(name, beyond(nmse(flat(resident), flat(expected)), reordered));
  }
}

/** The logits of libllama on the device, whose process the driver may end, too: then it is asked again. */
async function libraryLogits(name: string, { reference, path }: Computing): Promise<readonly Float32Array[] | Error> {
  const ask = () => reference.logits({ path, batches: fewBatches(name), options: { device: true } });
  return ask()
    .catch(ask)
    .catch((error: Error) => error);
}

const going = architectures.filter(({ state }) => state !== 'nothing').map(({ name }) => name);

export const part: Part = {
  about: 'the small model of every architecture on a Vulkan device, in memory of the process and as if it had its own',
  choice: going,
  rows: async function* (names) {
    if (withoutVulkan) {
      yield { name: 'devices', tried: 0, passed: 0, failed: [], skipped: [withoutVulkan] };
      return;
    }
    if (names === undefined)
      yield await nodeTests('tests', ['test/long/devices/computed.test.ts', 'test/long/devices/budget.test.ts']);
    using folder = tempFolder();
    await using reference = new Reference();
    await using fixtures = new AnsweringProcess<FixtureRequest, FixtureAnswer>(program, patience);
    const computing = { fixtures, reference, path: folder.file('model.gguf') };
    const comparisons = (['host', 'apart'] as const).map((memory) => new Comparison(memory, computing));
    for (const name of names ?? going) {
      const began = performance.now();
      architectureFile(computing.path, name);
      const expected = await libraryLogits(name, computing);
      for (const comparison of comparisons) await comparison.try(name, expected);
      console.log(`  ${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
    }
    for (const { rows } of comparisons) yield* rows;
  },
};
