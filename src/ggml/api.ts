import koffi, { type KoffiFunc } from 'koffi';
import { registerBackends } from './cpu-variant.ts';
import { bindFunctions, type Libraries, loadLibraries, type Pointer } from './library.ts';
import { silenceLog } from './log.ts';
import { mapLargeBlocks } from './system.ts';

/**
 * The flat table of ggml's C functions that we call. Names and arguments are ggml's (`ggml.h`, `ggml-alloc.h`,
 * `ggml-backend.h`); sizes and strides are bytes.
 */
export interface Ggml {
  // contexts, tensors, graphs
  ggml_init(params: { mem_size: number; mem_buffer: Pointer; no_alloc: boolean }): Pointer;
  ggml_free(context: Pointer): void;
  ggml_reset(context: Pointer): void;
  ggml_tensor_overhead(): number;
  ggml_graph_overhead_custom(size: number, grads: boolean): number;
  ggml_new_tensor_4d(context: Pointer, type: number, ne0: number, ne1: number, ne2: number, ne3: number): Pointer;
  ggml_new_graph_custom(context: Pointer, size: number, grads: boolean): Pointer;
  ggml_build_forward_expand(graph: Pointer, tensor: Pointer): void;
  /** Adds a node, and its sources, without a change to their flags. */
  ggml_build_forward_order(graph: Pointer, tensor: Pointer): void;
  ggml_graph_add_node(graph: Pointer, tensor: Pointer): void;
  ggml_graph_node(graph: Pointer, index: number): Pointer;
  ggml_graph_n_nodes(graph: Pointer): number;
  ggml_set_input(tensor: Pointer): void;
  ggml_set_output(tensor: Pointer): void;
  ggml_blck_size(type: number): number;
  ggml_type_size(type: number): number;
  ggml_type_name(type: number): string | null;
  ggml_nbytes(tensor: Pointer): number;

  // operations: each makes a tensor in `context`
  ggml_add(context: Pointer, a: Pointer, b: Pointer): Pointer;
  ggml_mul(context: Pointer, a: Pointer, b: Pointer): Pointer;
  ggml_mul_mat(context: Pointer, a: Pointer, b: Pointer): Pointer;
  ggml_mul_mat_id(context: Pointer, weights: Pointer, x: Pointer, ids: Pointer): Pointer;
  ggml_mul_mat_set_hint(product: Pointer, hint: number): void;
  ggml_cpy(context: Pointer, a: Pointer, to: Pointer): Pointer;
  ggml_cont(context: Pointer, a: Pointer): Pointer;
  ggml_cast(context: Pointer, a: Pointer, type: number): Pointer;
  ggml_scale(context: Pointer, a: Pointer, s: number): Pointer;
  ggml_tanh(context: Pointer, a: Pointer): Pointer;
  ggml_rms_norm(context: Pointer, a: Pointer, epsilon: number): Pointer;
  ggml_get_rows(context: Pointer, a: Pointer, rows: Pointer): Pointer;
  ggml_set_rows(context: Pointer, a: Pointer, b: Pointer, rows: Pointer): Pointer;
  ggml_swiglu_split(context: Pointer, a: Pointer, b: Pointer): Pointer;
  ggml_geglu_split(context: Pointer, a: Pointer, b: Pointer): Pointer;
  ggml_swiglu(context: Pointer, a: Pointer): Pointer;
  ggml_concat(context: Pointer, a: Pointer, b: Pointer, dim: number): Pointer;
  ggml_reshape_2d(context: Pointer, a: Pointer, ne0: number, ne1: number): Pointer;
  ggml_reshape_3d(context: Pointer, a: Pointer, ne0: number, ne1: number, ne2: number): Pointer;
  ggml_view_2d(context: Pointer, a: Pointer, ne0: number, ne1: number, nb1: number, offset: number): Pointer;
  ggml_view_3d(
    context: Pointer,
    a: Pointer,
    ne0: number,
    ne1: number,
    ne2: number,
    nb1: number,
    nb2: number,
    offset: number,
  ): Pointer;
  ggml_view_4d(
    context: Pointer,
    a: Pointer,
    ne0: number,
    ne1: number,
    ne2: number,
    ne3: number,
    nb1: number,
    nb2: number,
    nb3: number,
    offset: number,
  ): Pointer;
  ggml_permute(context: Pointer, a: Pointer, axis0: number, axis1: number, axis2: number, axis3: number): Pointer;
  ggml_rope_ext(
    context: Pointer,
    a: Pointer,
    positions: Pointer,
    factors: Pointer,
    dims: number,
    mode: number,
    originalContext: number,
    base: number,
    scale: number,
    extFactor: number,
    attnFactor: number,
    betaFast: number,
    betaSlow: number,
  ): Pointer;
  ggml_flash_attn_ext(
    context: Pointer,
    q: Pointer,
    k: Pointer,
    v: Pointer,
    mask: Pointer,
    scale: number,
    maxBias: number,
    softcap: number,
  ): Pointer;
  ggml_flash_attn_ext_set_prec(tensor: Pointer, precision: number): void;

  // memory of graphs
  ggml_gallocr_new(bufferType: Pointer): Pointer;
  ggml_gallocr_free(allocator: Pointer): void;
  ggml_gallocr_reserve_n_size(
    allocator: Pointer,
    graph: Pointer,
    nodeIds: null,
    leafIds: null,
    sizes: BigUint64Array,
  ): void;
  ggml_gallocr_alloc_graph(allocator: Pointer, graph: Pointer): boolean;

  // buffers
  ggml_backend_cpu_buffer_type(): Pointer;
  ggml_backend_cpu_buffer_from_ptr(address: Pointer, bytes: number): Pointer;
  ggml_backend_buft_name(bufferType: Pointer): string;
  ggml_backend_buft_alloc_buffer(bufferType: Pointer, bytes: number): Pointer;
  ggml_backend_buft_get_alloc_size(bufferType: Pointer, tensor: Pointer): number;
  ggml_backend_buffer_get_base(buffer: Pointer): Pointer;
  ggml_backend_buffer_is_host(buffer: Pointer): boolean;
  ggml_backend_buffer_set_usage(buffer: Pointer, usage: number): void;
  ggml_backend_buffer_clear: KoffiFunc<(buffer: Pointer, value: number) => void>;
  ggml_backend_buffer_free(buffer: Pointer): void;
  ggml_backend_buffer_init_tensor(buffer: Pointer, tensor: Pointer): number;
  ggml_backend_tensor_alloc(buffer: Pointer, tensor: Pointer, address: Pointer): number;
  ggml_backend_tensor_set: KoffiFunc<(tensor: Pointer, data: ArrayBufferView, offset: number, bytes: number) => void>;
  ggml_backend_tensor_get(tensor: Pointer, data: ArrayBufferView, offset: number, bytes: number): void;

  // devices
  ggml_backend_dev_by_type(type: number): Pointer;
  ggml_backend_dev_type(device: Pointer): number;
  ggml_backend_dev_memory(device: Pointer, free: BigUint64Array, total: BigUint64Array): void;
  ggml_backend_dev_buffer_type(device: Pointer): Pointer;
  /** The kind of buffers in the process's memory that are copied from fast; NULL if the device has none. */
  ggml_backend_dev_host_buffer_type(device: Pointer): Pointer | null;
  /** Makes memory of the process a buffer of the device. Returns NULL on failure. */
  ggml_backend_dev_buffer_from_host_ptr(
    device: Pointer,
    address: Pointer,
    bytes: number,
    largestTensor: number,
  ): Pointer | null;
  ggml_backend_reg_dev_count(reg: Pointer): number;
  ggml_backend_reg_dev_get(reg: Pointer, index: number): Pointer;
  ggml_backend_dev_description(device: Pointer): string;
  ggml_backend_dev_init(device: Pointer, params: null): Pointer;
  ggml_backend_dev_supports_op(device: Pointer, operation: Pointer): boolean;
  ggml_backend_dev_backend_reg(device: Pointer): Pointer;
  ggml_backend_reg_get_proc_address(reg: Pointer, name: string): Pointer;
  ggml_backend_free(backend: Pointer): void;
  ggml_backend_graph_compute: KoffiFunc<(backend: Pointer, graph: Pointer) => number>;
}

/** C's types, short: the signatures below are "result (arguments)". */
const signatures: { readonly [F in keyof Ggml]: string } = {
  ggml_init: 'void * (ggml_init_params)',
  ggml_free: 'void (void *)',
  ggml_reset: 'void (void *)',
  ggml_tensor_overhead: 'size_t ()',
  ggml_graph_overhead_custom: 'size_t (size_t, bool)',
  ggml_new_tensor_4d: 'void * (void *, int, int64_t, int64_t, int64_t, int64_t)',
  ggml_new_graph_custom: 'void * (void *, size_t, bool)',
  ggml_build_forward_expand: 'void (void *, void *)',
  ggml_build_forward_order: 'void (void *, void *)',
  ggml_graph_add_node: 'void (void *, void *)',
  ggml_graph_node: 'void * (void *, int)',
  ggml_graph_n_nodes: 'int (void *)',
  ggml_set_input: 'void (void *)',
  ggml_set_output: 'void (void *)',
  ggml_blck_size: 'int64_t (int)',
  ggml_type_size: 'size_t (int)',
  ggml_type_name: 'const char * (int)',
  ggml_nbytes: 'size_t (void *)',
  ggml_add: 'void * (void *, void *, void *)',
  ggml_mul: 'void * (void *, void *, void *)',
  ggml_mul_mat: 'void * (void *, void *, void *)',
  ggml_mul_mat_id: 'void * (void *, void *, void *, void *)',
  ggml_mul_mat_set_hint: 'void (void *, int)',
  ggml_cpy: 'void * (void *, void *, void *)',
  ggml_cont: 'void * (void *, void *)',
  ggml_cast: 'void * (void *, void *, int)',
  ggml_scale: 'void * (void *, void *, float)',
  ggml_tanh: 'void * (void *, void *)',
  ggml_rms_norm: 'void * (void *, void *, float)',
  ggml_get_rows: 'void * (void *, void *, void *)',
  ggml_set_rows: 'void * (void *, void *, void *, void *)',
  ggml_swiglu_split: 'void * (void *, void *, void *)',
  ggml_geglu_split: 'void * (void *, void *, void *)',
  ggml_swiglu: 'void * (void *, void *)',
  ggml_concat: 'void * (void *, void *, void *, int)',
  ggml_reshape_2d: 'void * (void *, void *, int64_t, int64_t)',
  ggml_reshape_3d: 'void * (void *, void *, int64_t, int64_t, int64_t)',
  ggml_view_2d: 'void * (void *, void *, int64_t, int64_t, size_t, size_t)',
  ggml_view_3d: 'void * (void *, void *, int64_t, int64_t, int64_t, size_t, size_t, size_t)',
  ggml_view_4d: 'void * (void *, void *, int64_t, int64_t, int64_t, int64_t, size_t, size_t, size_t, size_t)',
  ggml_permute: 'void * (void *, void *, int, int, int, int)',
  ggml_rope_ext: 'void * (void *, void *, void *, void *, int, int, int, float, float, float, float, float, float)',
  ggml_flash_attn_ext: 'void * (void *, void *, void *, void *, void *, float, float, float)',
  ggml_flash_attn_ext_set_prec: 'void (void *, int)',
  ggml_gallocr_new: 'void * (void *)',
  ggml_gallocr_free: 'void (void *)',
  ggml_gallocr_reserve_n_size: 'void (void *, void *, const int *, const int *, _Out_ size_t *)',
  ggml_gallocr_alloc_graph: 'bool (void *, void *)',
  ggml_backend_cpu_buffer_type: 'void * ()',
  ggml_backend_cpu_buffer_from_ptr: 'void * (void *, size_t)',
  ggml_backend_buft_name: 'const char * (void *)',
  ggml_backend_buft_alloc_buffer: 'void * (void *, size_t)',
  ggml_backend_buft_get_alloc_size: 'size_t (void *, void *)',
  ggml_backend_buffer_get_base: 'void * (void *)',
  ggml_backend_buffer_is_host: 'bool (void *)',
  ggml_backend_buffer_set_usage: 'void (void *, int)',
  ggml_backend_buffer_clear: 'void (void *, uint8_t)',
  ggml_backend_buffer_free: 'void (void *)',
  ggml_backend_buffer_init_tensor: 'int (void *, void *)',
  ggml_backend_tensor_alloc: 'int (void *, void *, void *)',
  ggml_backend_tensor_set: 'void (void *, const void *, size_t, size_t)',
  ggml_backend_tensor_get: 'void (void *, _Out_ uint8_t *, size_t, size_t)',
  ggml_backend_dev_by_type: 'void * (int)',
  ggml_backend_dev_type: 'int (void *)',
  ggml_backend_dev_memory: 'void (void *, _Out_ size_t *, _Out_ size_t *)',
  ggml_backend_dev_buffer_type: 'void * (void *)',
  ggml_backend_dev_host_buffer_type: 'void * (void *)',
  ggml_backend_dev_buffer_from_host_ptr: 'void * (void *, void *, size_t, size_t)',
  ggml_backend_reg_dev_count: 'size_t (void *)',
  ggml_backend_reg_dev_get: 'void * (void *, size_t)',
  ggml_backend_dev_description: 'const char * (void *)',
  ggml_backend_dev_init: 'void * (void *, const char *)',
  ggml_backend_dev_supports_op: 'bool (void *, void *)',
  ggml_backend_dev_backend_reg: 'void * (void *)',
  ggml_backend_reg_get_proc_address: 'void * (void *, const char *)',
  ggml_backend_free: 'void (void *)',
  ggml_backend_graph_compute: 'int (void *, void *)',
};

/** The functions that live in `libggml` (the registry); all others are `libggml-base`'s. */
const registry: ReadonlySet<string> = new Set(['ggml_backend_dev_by_type']);

function bind(libraries: Libraries): Ggml {
  koffi.struct('ggml_init_params', { mem_size: 'size_t', mem_buffer: 'void *', no_alloc: 'bool' });
  return bindFunctions<Ggml>(signatures, (name) => (registry.has(name) ? libraries.ggml : libraries.base));
}

let table: Ggml | undefined;

/** Loads ggml and the backends for this machine, once per process. Throws LIBRARY_MISSING. */
export function loadGgml(): Ggml {
  if (!table) {
    mapLargeBlocks();
    const libraries = loadLibraries();
    silenceLog();
    registerBackends();
    table = bind(libraries);
  }
  return table;
}
