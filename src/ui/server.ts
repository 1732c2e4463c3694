import type { WhatIf } from '../model/what-if.ts';
import type { EnginesStatus } from '../worker/server-status.ts';
import { EventReader } from './server-events.ts';

/** The state of the server, as /api/status tells it. */
export interface ServerStatus extends EnginesStatus {
  readonly version: string;
  readonly health: 'ok' | 'loading' | 'stalled';
}

/** The key was not the server's. */
export class KeyNeeded extends Error {}

const stored = 'ssd-llm-key';

/** Remembers the key until the tab is closed. */
export const useKey = (key: string): void => sessionStorage.setItem(stored, key);

/** Asks the server. Rejects with KeyNeeded, and with the server's reason where it refuses. */
export async function request(path: string, init: { body?: object; signal?: AbortSignal } = {}): Promise<Response> {
  const key = sessionStorage.getItem(stored);
  const response = await fetch(path, {
    method: init.body ? 'POST' : 'GET',
    headers: {
      ...(init.body && { 'content-type': 'application/json' }),
      ...(key !== null && { authorization: `Bearer ${key}` }),
    },
    ...(init.body && { body: JSON.stringify(init.body) }),
    ...(init.signal && { signal: init.signal }),
  });
  if (response.status === 401) throw new KeyNeeded();
  if (!response.ok) throw new Error(reasonIn(await response.text()) ?? `the server answered ${response.status}`);
  return response;
}

/** The reason in the body of a refusal. */
function reasonIn(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: string | { message?: string } };
    return typeof error === 'string' ? error : error?.message;
  } catch {
    return undefined;
  }
}

/** The texts of a body as they come. */
export async function* bodyTexts({ body }: Response): AsyncGenerator<string, void, void> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/** The states of the server as they come, until the signal aborts or the server ends. */
export async function* statuses(signal: AbortSignal): AsyncGenerator<ServerStatus, void, void> {
  const events = new EventReader();
  for await (const text of bodyTexts(await request('/api/status?stream', { signal }))) {
    for (const data of events.push(text)) yield JSON.parse(data) as ServerStatus;
  }
}

/** Names of the models that can be asked. */
export async function modelNames(): Promise<readonly string[]> {
  const { models } = (await (await request('/api/tags')).json()) as { models: readonly { name: string }[] };
  return models.map(({ name }) => name);
}

/** Changes to a plan, as /api/plan takes them. */
export interface PlanRequest {
  readonly model: string;
  readonly budget: number;
  readonly kv_type: string;
  readonly context: number;
  readonly parallel: number;
  readonly draft: boolean;
}

export const askPlan = async (body: PlanRequest, signal: AbortSignal): Promise<WhatIf> =>
  (await (await request('/api/plan', { body, signal })).json()) as WhatIf;
