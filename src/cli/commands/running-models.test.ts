import assert from 'node:assert/strict';
import test from 'node:test';
import { Hono } from 'hono';
import { engineError } from '../../../test/support/engine-error.ts';
import { serving } from '../../../test/support/serving.ts';
import { type RunningModel, runningModels } from './running-models.ts';

/** The models in the answer of a server. */
async function asked(
  answer: (authorization: string | undefined) => Response | Promise<Response>,
  { apiKey, patience = 600_000 }: { apiKey?: string; patience?: number } = {},
): Promise<readonly RunningModel[]> {
  const app = new Hono().get('/api/ps', (c) => answer(c.req.header('authorization')));
  await using server = await serving(app);
  return await runningModels({ ...server.address, host: '0.0.0.0', ...(apiKey !== undefined && { apiKey }) }, patience);
}

const fails = (found: Promise<unknown>, message: RegExp): Promise<void> =>
  assert.rejects(found, engineError('SERVER_UNREACHABLE', message));

test("a server is asked with its key, and Ollama's dates are understood", async () => {
  const ollama = { name: 'a:latest', size: 1, expires_at: '2030-06-04T14:38:31.83753-07:00', details: {} };
  const models = await asked(
    (authorization) => {
      assert.equal(authorization, 'Bearer secret');
      return Response.json({
        models: [ollama, { ...ollama, context_length: 7, size_vram: 1, expires_at: '2318-01-01T00:00:00.000Z' }],
      });
    },
    { apiKey: 'secret' },
  );
  assert.deepEqual(
    models.map(({ name, size, gpu, context }) => [name, size, gpu, context]),
    [
      ['a:latest', 1, 0, 0],
      ['a:latest', 1, 1, 7],
    ],
  );
});

test('whoever answers otherwise is no server of models', async () => {
  await fails(
    asked(() => Response.json({})),
    /it is no model server/,
  );
  await fails(
    asked(() => new Response('<html>')),
    /http:\/\/127\.0\.0\.1:\d+ \(/,
  );
  await fails(
    asked(() => new Response('', { status: 502 })),
    /it says 502/,
  );
  await fails(
    asked(() => new Response('', { status: 401 })),
    /--api-key/,
  );
  await fails(
    asked(() => new Promise(() => {}), { patience: 300 }),
    /does not answer in time/,
  );
  await fails(runningModels({ host: '127.0.0.1', port: 1 }), /ECONNREFUSED|bad port/);
});
