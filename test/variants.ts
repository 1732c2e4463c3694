/**
 * Test files that `npm test` runs once more, as another processor would: with a CPU variant of ggml that is not the best
 * one here. `x64` knows no vector instructions beyond SSE2 and takes four to five times as long.
 */
export const samples: Readonly<Record<string, readonly string[]>> = {
  x64: [
    'src/ggml/cpu-device.test.ts',
    'src/ggml/graph.test.ts',
    'src/exec/attention.test.ts',
    'src/exec/hadamard.test.ts',
    'test/invariance.test.ts',
    'test/oracle.test.ts',
    'test/rope.test.ts',
  ],
  haswell: ['test/model.test.ts', 'test/speculation-model.test.ts', 'test/window.test.ts'],
};
