import * as z from 'zod';
import { EngineError } from '../../base/errors.ts';
import { reachable, urlOf } from '../../http/address.ts';
import type { ServerSettings } from '../options/server-options.ts';

/** A model that a server has loaded. */
export interface RunningModel {
  readonly name: string;
  /** Bytes of memory. */
  readonly size: number;
  /** Bytes of it that a GPU computes in. */
  readonly gpu: number;
  /** Tokens of the context. */
  readonly context: number;
  /** Time of unloading if nobody asks; ISO 8601. */
  readonly expires: string;
}

/** Milliseconds that a server may take to answer. */
const patience = 10_000;

const Running = z.looseObject({
  models: z.array(
    z
      .looseObject({
        name: z.string(),
        size: z.number(),
        size_vram: z.number().default(0),
        context_length: z.number().default(0),
        expires_at: z.iso.datetime({ offset: true }),
      })
      .transform(
        ({ name, size, size_vram: gpu, context_length: context, expires_at: expires }): RunningModel => ({
          ...{ name, size, gpu, context, expires },
        }),
      ),
  ),
});

/** The models that the server of the settings has loaded. Rejects with SERVER_UNREACHABLE. */
export async function runningModels(
  { host, port, apiKey }: Pick<ServerSettings, 'host' | 'port' | 'apiKey'>,
  timeout: number = patience,
): Promise<readonly RunningModel[]> {
  const url = urlOf({ host: reachable(host), port });
  const unreachable = (reason: string, cause?: unknown): EngineError =>
    new EngineError('SERVER_UNREACHABLE', { url, reason }, { cause });
  let answer: unknown;
  try {
    const headers: Record<string, string> = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    const response = await fetch(`${url}/api/ps`, { headers, signal: AbortSignal.timeout(timeout) });
    if (response.status === 401) throw unreachable('it wants another --api-key');
    if (!response.ok) throw unreachable(`it says ${response.status}`);
    answer = await response.json();
  } catch (error) {
    throw error instanceof EngineError ? error : unreachable(reasonOf(error as Error), error);
  }
  const { data, error } = Running.safeParse(answer);
  if (error) throw unreachable('it is no model server', error);
  return data.models;
}

/** The reason of a failed `fetch`, which is in the cause. */
function reasonOf({ name, message, cause }: Error): string {
  if (name === 'TimeoutError') return 'it does not answer in time';
  const { code, message: reason = message } = (cause ?? {}) as Partial<NodeJS.ErrnoException>;
  return code ?? reason;
}
