import { setTimeout } from 'node:timers/promises';
import { Hono } from 'hono';
import * as z from 'zod';
import { attempt } from '../../base/attempt.ts';
import type { Log } from '../../base/log.ts';
import { perhaps } from '../../base/nearest-word.ts';
import { parseBytes } from '../../base/size.ts';
import { kvTypes } from '../../plan/kv-options.ts';
import { shareOfMachine } from '../../runtime/machine.ts';
import type { Backend, Health } from '../../worker/backend.ts';
import { logFailure } from '../refusal.ts';
import { jsonBody } from '../request/body.ts';
import { requestedModel } from '../request/requested-model.ts';
import { clientOf, streamed } from '../streaming.ts';
import { builtVersion } from './built-files.ts';

/** Waits between two events. Rejects when the signal aborts. */
const aQuarterSecond = (signal: AbortSignal): Promise<void> => setTimeout(250, undefined, { signal });

/** A budget as the command line takes it: "8G", "50%" of the memory, or auto. */
const memory = z.string().transform((text, context): number | undefined => {
  const bytes = text === 'auto' ? undefined : (shareOfMachine(text) ?? attempt(() => parseBytes(text)));
  if (bytes === undefined && text !== 'auto') context.addIssue({ code: 'custom', message: 'no size' });
  return bytes;
});

const whatIfFields = {
  model: z.string().nullish(),
  budget: z.union([z.int().min(1), memory], 'expected bytes, or a text such as 8GB or 50%').nullish(),
  kv_type: z.enum(kvTypes).nullish(),
  context: z.int().min(1).nullish(),
  parallel: z.int().min(1).max(256).nullish(),
  draft: z.boolean().nullish(),
};

const WhatIf = z
  .strictObject(whatIfFields, {
    error: (issue: z.core.$ZodRawIssue) =>
      issue.code === 'unrecognized_keys'
        ? `${issue.keys.join(', ')}: unknown${perhaps(issue.keys[0] ?? '', Object.keys(whatIfFields))}; a plan has ${Object.keys(whatIfFields).join(', ')}`
        : undefined,
  })
  .transform(({ model, budget, kv_type, context, parallel, draft }) => ({
    model,
    changes: {
      budget: budget ?? undefined,
      kvType: kv_type ?? undefined,
      context,
      parallel: parallel ?? undefined,
      draft: draft ?? undefined,
    },
  }));

/** The state of the server, once or as it changes, and plans that it could have. `rest` comes between two events. */
export const statusRoutes = (
  backend: Backend,
  log: Log,
  health: () => Health,
  rest: (signal: AbortSignal) => Promise<void> = aQuarterSecond,
): Hono =>
  new Hono()
    .get('/api/status', async (c) => {
      const status = async (): Promise<string> =>
        JSON.stringify({ version: await builtVersion(), health: health(), ...(await backend.status()) });
      const wanted = c.req.query('stream');
      if (wanted === undefined || wanted === 'false') {
        return c.body(await status(), 200, { 'content-type': 'application/json' });
      }
      const client = clientOf(c.req.raw);
      const failed = (error: unknown): string => {
        logFailure(log, error, c.req.path);
        return '';
      };
      return streamed(client, { contentType: 'text/event-stream', keepAlive: () => ': ping\n\n', failed }, (write) =>
        untilAborted(client.signal, async () => {
          await write(`data: ${await status()}\n\n`);
          await rest(client.signal);
        }),
      );
    })
    .post('/api/plan', async (c) => {
      const { model, changes } = await jsonBody(c.req, WhatIf, 'strict');
      return c.json(await backend.whatIf(requestedModel(backend, model), changes));
    });

/** Repeats `work` until the signal aborts. Rejects with its errors otherwise. */
async function untilAborted(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  try {
    while (!signal.aborted) await work();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
