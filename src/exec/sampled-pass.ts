import { at } from '../base/at.ts';
import { Disposer } from '../base/disposer.ts';
import { GraphAllocator } from '../ggml/allocator.ts';
import type { Device } from '../ggml/device.ts';
import { F32, Graph, type Tensor } from '../ggml/graph.ts';
import type { Pointer } from '../ggml/library.ts';
import { sharedBytes } from '../ggml/memory.ts';
import { pageBytes } from '../ggml/system.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import type { Block } from '../pager/block.ts';
import { Reader, type ReaderOptions } from '../pager/reader.ts';
import { Ring } from '../pager/ring.ts';
import { awake } from '../plan/awake-threads.ts';
import type { PassSample } from '../plan/pass-sample.ts';
import { pageSpanOf } from '../plan/slices.ts';

/** The files of a model, and the best way to read them. */
export interface SampledFiles {
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly reading: ReaderOptions;
}

/** Steps that were computed while their weights were read. */
export interface SampledSteps {
  readonly steps: number;
  /** Bytes of weights in them. */
  readonly bytes: number;
  /** Seconds of computing them. */
  readonly computing: number;
  /** Bytes a second that were read meanwhile. */
  readonly read: number;
}

/** Milliseconds of a sample, and its steps at least: forecasts of 120 ms ones differed by a third, of 240 by a tenth. */
const enough = { time: 200, steps: 4 };

/** A part of a pass that is read and computed as passes are. */
export class SampledPass implements AsyncDisposable {
  readonly #device: Device;
  readonly #sample: PassSample;
  readonly #owner = new Disposer();
  readonly #reader: Reader;
  readonly #ring: Ring;
  readonly #blocks: readonly Block[];
  readonly #graphs: readonly Pointer[];

  /** Throws OUT_OF_MEMORY, MODEL_NOT_FOUND, UNREADABLE. */
  constructor(device: Device, sample: PassSample, { files, reading }: SampledFiles) {
    this.#device = device;
    this.#sample = sample;
    const owner = this.#owner;
    const [reader, blocks, graphs] = owner.building(() => {
      const memory = owner.use(device.memoryFor(sample.bytes, 'a part of a pass that is measured'));
      memory.clear();
      const tensors = owner.use(new TensorSet(sample.matrices.length));
      const graph = owner.use(new Graph());
      const inputs = new Map<number, Tensor>();
      const blocks = sample.matrices.map(({ type, shape, extent }, i) => {
        const { offset, after } = at(sample.segments, i);
        const { start, bytes, skew } = pageSpanOf(extent, pageBytes);
        const pointer = tensors.add(type.id, shape);
        memory.place(pointer, offset + skew);
        const x = inputs.get(shape[0]) ?? graph.input(F32, [shape[0], 1]);
        inputs.set(shape[0], x);
        graph.matmul({ shape, slices: [{ pointer, shape, slice: i }] }, x);
        return { file: extent.file, position: start, into: sharedBytes(memory).view(offset, bytes), after };
      });
      owner.use(new GraphAllocator(device.bufferType)).allocate(graph);
      const graphs = sample.steps.map(({ from, to }) => graph.slice(from, to));
      return [new Reader(files, reading), blocks, graphs] as const;
    });
    this.#reader = reader;
    this.#ring = new Ring(reader);
    this.#blocks = blocks;
    this.#graphs = graphs;
  }

  /** Reads and computes for some time by so many threads. Rejects with READ_FAILED, FILE_CHANGED. */
  async run(threads: number): Promise<SampledSteps> {
    const [reader, ring] = [this.#reader, this.#ring];
    await ring.follow(this.#blocks);
    // Passes find the ring as the one before has left it.
    await ring.settled();
    const [busy, done] = [reader.busySeconds, reader.bytesRead];
    const began = performance.now();
    let [steps, bytes, computing] = [0, 0, 0];
    const often = this.#sample.passSteps > awake.steps;
    for (; steps < enough.steps || performance.now() - began < enough.time; steps += 1) {
      const step = steps % this.#graphs.length;
      const { from, to } = at(this.#sample.steps, step);
      using _lease = await ring.lease(Array.from({ length: to - from }, (_, i) => from + i));
      const ready = performance.now();
      const spins = often && computing < awake.seconds * steps;
      await this.#device.compute(at(this.#graphs, step), threads, spins);
      computing += (performance.now() - ready) / 1000;
      bytes += this.#sample.matrices.slice(from, to).reduce((sum, { extent }) => sum + extent.length, 0);
    }
    const read = (reader.bytesRead - done) / (reader.busySeconds - busy);
    await ring.follow([]);
    return { steps, bytes, computing, read };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Reads under way end before their memory is free.
    await this.#reader[Symbol.asyncDispose]();
    this.#owner[Symbol.dispose]();
  }
}
