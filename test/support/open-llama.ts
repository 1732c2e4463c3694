import { wholePooling } from '../../src/arch/encoders.ts';
import { Disposer } from '../../src/base/disposer.ts';
import { bindWeights, type LayoutOf } from '../../src/exec/bind-weights.ts';
import { Forward } from '../../src/exec/forward.ts';
import { LlamaGraphs } from '../../src/exec/llama-graphs.ts';
import { graphTraits } from '../../src/exec/llama-measure.ts';
import { openExperts } from '../../src/exec/open-experts.ts';
import type { Device } from '../../src/ggml/device.ts';
import { LlamaContext } from '../../src/ggml/llama-context.ts';
import { LlamaModel } from '../../src/ggml/llama-model.ts';
import { pageBytes } from '../../src/ggml/system.ts';
import { openModelFile } from '../../src/gguf/model-file.ts';
import type { ExpertPool } from '../../src/pager/expert-pool.ts';
import { openUploads } from '../../src/pager/open-uploads.ts';
import { Pager } from '../../src/pager/pager.ts';
import { type ReadAt, Reader } from '../../src/pager/reader.ts';
import { arenaBytes, Residents } from '../../src/pager/residents.ts';
import { Ring } from '../../src/pager/ring.ts';
import { ExpertDemand } from '../../src/plan/expert-demand.ts';
import { slotBytes } from '../../src/plan/expert-slots.ts';
import { makePlan } from '../../src/plan/make-plan.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { contextSequences } from '../../src/state/llama-states.ts';
import type { SequenceState } from '../../src/state/sequence-state.ts';
import { thrown } from './engine-error.ts';

/** A model whose graphs libllama builds, in the memory of a plan. */
export interface OpenedLlama extends AsyncDisposable {
  readonly plan: Plan;
  readonly forward: Forward;
  readonly states: readonly SequenceState[];
  readonly pager: Pager;
  readonly pools: readonly ExpertPool[];
  readonly reader: Reader;
}

export interface OpenLlamaOptions {
  readonly device: Device;
  readonly layoutOf?: LayoutOf;
  /** Bytes beside the smallest budget. */
  readonly extra?: number;
  /** Slots of each router, in the smallest budget for these; default: as many as the budget has room for. */
  readonly slots?: number;
  /** Bytes of a slice; default: chosen. */
  readonly sliceBytes?: number;
  /** LoRA adapters, with their scales. */
  readonly loras?: readonly { readonly path: string; readonly scale: number }[];
  readonly readAt?: ReadAt;
  /** Changes the plan that graphs are cut by, not the memory. */
  readonly change?: (plan: Plan) => Plan;
}

const [sequences, context, batch] = [4, 128, 64];

export function openLlama(path: string, options: OpenLlamaOptions): OpenedLlama {
  const {
    device,
    layoutOf = () => undefined,
    extra = 0,
    slots,
    sliceBytes,
    readAt,
    change = (plan) => plan,
    loras = [],
  } = options;
  const file = openModelFile(path);
  const pooling = wholePooling(file.metadata);
  const { manifest, head, apart } = graphTraits(file, pooling, device);
  const demand = {
    context,
    runtime: 0,
    batch,
    parallel: sequences,
    kv: () => 0,
    page: pageBytes,
    manifest,
    compute: () => 0,
    converted: (slice: Plan['slices'][number]) => layoutOf(slice)?.bytes,
    padding: (slice: Plan['slices'][number]) => device.paddingOf(slice),
    sliceBytes,
    ...(slots && { expertCache: slotBytes(new ExpertDemand(manifest, pageBytes).banks, slots, pageBytes) }),
  };
  const { needed } = thrown('BUDGET_TOO_SMALL', () => makePlan({ ...demand, budget: 1 })).details;
  const plan = makePlan({ ...demand, budget: needed + extra });

  const owner = new Disposer();
  const reader = new Reader(file.files, { inFlight: 3, ...(readAt && { readAt }) });
  const model = owner.use(new LlamaModel(file, { device }));
  for (const { path } of loras) model.loadAdapter(path);
  const cells = {
    cells: sequences * context,
    sequences: contextSequences(model, sequences),
    batch,
    outputs: batch,
    kvType: 1,
    pooling,
    scales: loras.map(({ scale }) => scale),
  };
  const llama = owner.use(new LlamaContext(model, cells));
  const padding = (slice: Plan['slices'][number]): number => device.paddingOf(slice);
  const arena = owner.use(device.memoryFor(arenaBytes(plan, padding), 'residents'));
  const ring = owner.use(device.memoryFor(plan.shares.ring, 'the ring'));
  const uploads = openUploads(plan, device, reader, owner);
  const weights = bindWeights(plan, file.weights, { arena, ring, layoutOf, uploads }, owner);
  const residents = new Residents(plan, reader, { arena, ring, uploads, tensors: weights.tensors });
  const { tensors } = model;
  const pooled = plan.experts && { slots: plan.experts.slots, tokens: batch };
  const experts = pooled && openExperts(manifest, pooled, { device, reader, uploads, tensors }, owner);
  const pools = experts?.pools ?? [];
  const rings = { weightRing: new Ring(reader), kvRing: new Ring(reader) };
  const pager = new Pager({ ...rings, residents, experts: pools });
  const parts = {
    device,
    model,
    context: llama,
    plan: change(plan),
    file: file.weights,
    weights,
    reader,
    pager,
    head,
    apart,
    experts: experts?.steps,
  };
  const graphs = owner.use(new LlamaGraphs(parts));
  return {
    plan,
    forward: new Forward({ graphs, pager, device }),
    states: Array.from({ length: sequences }, () => graphs.newState()),
    pager,
    pools,
    reader,
    [Symbol.asyncDispose]: async () => {
      await reader[Symbol.asyncDispose]();
      await pager.settled();
      owner[Symbol.dispose]();
    },
  };
}
