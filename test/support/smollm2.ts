import { fetchDemoModel } from '../../examples/fetch-model.ts';

let found: Promise<string> | undefined;

/** The path of SmolLM2-135M-Instruct in Q4_1 (98 MB): fetched once per machine, and looked for once per process. */
export const smollm2 = (): Promise<string> => {
  found ??= fetchDemoModel();
  return found;
};
