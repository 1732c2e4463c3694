import koffi, { type KoffiFunc } from 'koffi';
import { loadGgml } from './api.ts';
import { loadLibraries, type Pointer } from './library.ts';
import { NativeArray } from './native-array.ts';

/** Ggml's struct of a graph: its fields are ggml's own, and take 12 words in v0.4.0. */
const graphStruct = koffi.struct({ words: koffi.array('uint64_t', 16) });

type View = (graph: Pointer, from: number, to: number) => { readonly words: BigUint64Array };

let known: { readonly view: View | undefined } | undefined;

/** The function ggml_graph_view, which the libraries for Windows do not export. */
function load(): View | undefined {
  try {
    return loadLibraries().base.func('ggml_graph_view', graphStruct, ['void *', 'int', 'int']) as KoffiFunc<View>;
  } catch {
    return undefined;
  }
}

/**
 * Nodes [from, to) of a graph as one of their own, valid as long as that one is. It knows all users of each result, as
 * the whole graph does. Undefined where ggml cannot make one.
 */
export function viewOf(graph: Pointer, from: number, to: number): NativeArray | undefined {
  known ??= { view: load() };
  if (!known.view) return undefined;
  const { words } = known.view(graph, from, to);
  const memory = new NativeArray(words.byteLength);
  memory.bytes.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
  return memory;
}

/**
 * Nodes [from, to) of a graph as one of their own in its `context`. It does not know the users of each result, without
 * which kernels do not join operations.
 */
export function copyOf(context: Pointer, graph: Pointer, from: number, to: number): Pointer {
  const api = loadGgml();
  const copy = api.ggml_new_graph_custom(context, to - from, false);
  for (let i = from; i < to; i += 1) api.ggml_graph_add_node(copy, api.ggml_graph_node(graph, i));
  return copy;
}
