import type { Architecture } from './architecture.ts';
import { gemma3 } from './families/gemma3.ts';
import { llama } from './families/llama.ts';
import { phi3 } from './families/phi3.ts';
import { qwen2 } from './families/qwen2.ts';
import { qwen3 } from './families/qwen3.ts';

const architectures: readonly Architecture[] = [llama, qwen2, qwen3, gemma3, phi3];

/** The families that have graphs of ours, by `general.architecture`. */
export const ownArchitectures: ReadonlyMap<string, Architecture> = new Map(
  architectures.map((architecture) => [architecture.name, architecture]),
);
