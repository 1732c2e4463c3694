import { EngineError } from '../base/errors.ts';
import { gemma3 } from './arch/gemma3.ts';
import { llama } from './arch/llama.ts';
import { phi3 } from './arch/phi3.ts';
import { qwen2 } from './arch/qwen2.ts';
import { qwen3 } from './arch/qwen3.ts';
import type { Architecture } from './architecture.ts';

const architectures: readonly Architecture[] = [llama, qwen2, qwen3, gemma3, phi3];

/** The architecture that `general.architecture` names. Throws UNKNOWN_ARCHITECTURE. */
export function architectureOf(name: string): Architecture {
  const found = architectures.find((architecture) => architecture.name === name);
  if (found) return found;
  throw new EngineError('UNKNOWN_ARCHITECTURE', { architecture: name, known: architectures.map((a) => a.name) });
}
