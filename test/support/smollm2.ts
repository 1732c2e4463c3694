import { fetchDemoModel } from '../../examples/fetch-model.ts';

let found: Promise<string> | undefined;

/** The path of SmolLM2-135M-Instruct in Q4_1 (98 MB): fetched once per machine, and looked for once per process. */
export const smollm2 = (): Promise<string> => {
  found ??= fetchDemoModel();
  return found;
};

/** The reason why there is no SmolLM2 here, which is fetched from the network; undefined where there is one. */
export const missingSmollm2 = (): Promise<string | undefined> =>
  smollm2().then(
    () => undefined,
    ({ message }: Error) => message,
  );
