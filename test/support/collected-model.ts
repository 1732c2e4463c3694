import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { at } from '../../src/base/at.ts';
import { Disposer } from '../../src/base/disposer.ts';
import { readTensor } from '../../src/ggml/data.ts';
import type { Device } from '../../src/ggml/device.ts';
import { HostMemory } from '../../src/ggml/host-memory.ts';
import type { Pointer } from '../../src/ggml/library.ts';
import type { LlamaSpan } from '../../src/ggml/llama-batch.ts';
import { LlamaContext, type LlamaContextOptions } from '../../src/ggml/llama-context.ts';
import { LlamaModel } from '../../src/ggml/llama-model.ts';
import { setData, tensorShape } from '../../src/ggml/tensor-fields.ts';
import { openModelFile } from '../../src/gguf/model-file.ts';
import { computeNodes } from './expert-graph.ts';

/** A model of which all weights are in memory, computed from the graphs that libllama builds. */
export class CollectedModel implements Disposable {
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly #device: Device;
  readonly #owner: Disposer = new Disposer();

  constructor(path: string, device: Device, options: Partial<LlamaContextOptions> = {}) {
    this.#device = device;
    const file = openModelFile(path);
    this.model = this.#owner.use(new LlamaModel(file));
    const bytes = file.files.map(({ path }) => readFileSync(path));
    for (const [tensor, name] of this.model.tensors) {
      const { extent } = file.weights.get(name) ?? assert.fail(name);
      const memory = this.#owner.use(new HostMemory(extent.length, name));
      const data = at(bytes, extent.file).subarray(extent.offset, extent.offset + extent.length);
      memory.view(0, extent.length).set(data);
      setData(tensor, memory.address(0));
    }
    const context = { cells: 512, sequences: 1, batch: 64, outputs: 64, kvType: 1, ...options };
    this.context = this.#owner.use(new LlamaContext(this.model, context));
  }

  /** The logits of spans, one after another; `compute` computes the nodes. */
  async decode(
    spans: readonly LlamaSpan[],
    compute: (nodes: readonly Pointer[]) => Promise<void> = (nodes) => computeNodes(this.#device, nodes),
  ): Promise<readonly Float32Array[]> {
    const { nodes, result } = this.context.collect(spans);
    await compute(nodes);
    const [vocabulary = 0, outputs = 0] = tensorShape(result);
    const floats = new Float32Array(vocabulary * outputs);
    readTensor(result, floats);
    return Array.from({ length: outputs }, (_, i) => floats.subarray(i * vocabulary, (i + 1) * vocabulary));
  }

  [Symbol.dispose](): void {
    this.#owner[Symbol.dispose]();
  }
}
