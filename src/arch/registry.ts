import { EngineError } from '../base/errors.ts';
import type { Architecture } from './architecture.ts';
import { gemma3 } from './families/gemma3.ts';
import { llama } from './families/llama.ts';
import { phi3 } from './families/phi3.ts';
import { qwen2 } from './families/qwen2.ts';
import { qwen3 } from './families/qwen3.ts';

const architectures: readonly Architecture[] = [llama, qwen2, qwen3, gemma3, phi3];

/** The architecture that `general.architecture` names. Throws UNKNOWN_ARCHITECTURE. */
export function architectureOf(name: string): Architecture {
  const found = architectures.find((architecture) => architecture.name === name);
  if (found) return found;
  throw new EngineError('UNKNOWN_ARCHITECTURE', { architecture: name, known: architectures.map((a) => a.name) });
}
