import type { Context } from 'hono';
import * as z from 'zod';
import { attempt } from '../../base/attempt.ts';
import { EngineError } from '../../base/errors.ts';
import { layersOfFiles, makeModel } from '../../library/make-model.ts';
import { unfinishedCalled } from '../../library/unfinished-called.ts';
import { parameterValue } from '../../model/preset-parameters.ts';
import { isDigest, type ManifestLayer, storedName } from '../../stores/manifest.ts';
import type { OwnStore } from '../../stores/own-store.ts';
import { removeUnfinishedModel } from '../../stores/unfinished-models.ts';
import type { Backend } from '../../worker/backend.ts';
import { Refusal } from '../refusal.ts';
import { jsonBody } from '../request/body.ts';
import { decodeBody } from '../request/encoding.ts';
import { modelNamed } from '../request/requested-model.ts';
import { addWarning } from '../request/warnings.ts';
import { unsupportedRequest } from './refusals.ts';

const text = z.string().nullish();
const digests = z.record(z.string(), z.string().refine(isDigest, 'expected "sha256:" and 64 hex digits')).nullish();

const createRequest = z.object({
  model: text,
  name: text,
  from: text,
  files: digests,
  adapters: digests,
  template: text,
  system: text,
  license: z.union([z.string(), z.array(z.string())]).nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  messages: z.array(z.object({ role: z.string(), content: z.string().default('') })).nullish(),
  stream: z.boolean().nullish(),
  quantize: text,
  quantization: text,
  modelfile: text,
  path: text,
  draft_files: digests,
  remote_host: text,
  renderer: text,
  parser: text,
});

/** Fields that cannot be honoured, and the way there is instead. */
const refused = {
  quantize: 'take a file that is quantized as you want it',
  quantization: 'take a file that is quantized as you want it',
  modelfile: 'send its instructions as fields: from, system, parameters, …',
  path: 'send its instructions as fields: from, system, parameters, …',
  draft_files: 'the server is given a draft model with --draft-model',
  remote_host: 'models are computed here',
} as const;

/** The store for models that clients make. Throws a Refusal where there is none. */
export function storeOf(backend: Backend): OwnStore {
  const store = backend.store();
  if (store) return store;
  throw unsupportedRequest('this server serves the models that it was started with, and takes no others');
}

/** The name in a request that asks for one. Throws a Refusal. */
export function nameIn(name: string | null | undefined, param: string = 'model'): string {
  if (name) return name;
  throw new Refusal(400, `${param} is required`, { code: `missing_${param}`, param });
}

/** The layer of a blob that was sent. Throws a Refusal. */
function layerOf(store: OwnStore, kind: string, digest: string): ManifestLayer {
  const layer = store.blobLayer(kind, digest);
  if (layer) return layer;
  throw new Refusal(400, `blob ${digest} is not there: send it to /api/blobs/${digest} first`, {
    code: 'missing_blob',
  });
}

/** Makes a model, and tells so, line by line. */
export async function create(backend: Backend, c: Context): Promise<Response> {
  const { raw } = c.req;
  const body = await jsonBody(c.req, createRequest, Object.keys(createRequest.shape));
  const name = nameIn(body.model || body.name);
  for (const [field, instead] of Object.entries(refused)) {
    if (body[field as keyof typeof refused]) throw unsupportedRequest(`${field} is not supported: ${instead}`);
  }
  for (const field of ['renderer', 'parser'] as const) {
    if (body[field]) addWarning(raw, `${field}: the chat template decides`);
  }
  const store = storeOf(backend);
  const { from, files, adapters, template, system, license, messages } = body;
  if (!from && !files) throw new Refusal(400, "neither 'from' or 'files' was specified", { code: 'missing_from' });
  const parameters = body.parameters && parametersOf(raw, body.parameters);
  const base = files
    ? layersOfFiles(
        store,
        Object.entries(files).map(([file, digest]) => ({ file, layer: layerOf(store, 'model', digest) })),
      )
    : backend.layersOf(modelNamed(backend, nameIn(from, 'from')));
  try {
    await makeModel(store, name, {
      base,
      adapters: Object.values(adapters ?? {}).map((digest) => layerOf(store, 'adapter', digest)),
      licenses: [license ?? []].flat(),
      // An empty template is none, as for Ollama.
      template: template || undefined,
      system: system ?? undefined,
      parameters: parameters ?? undefined,
      messages: messages?.length ? messages : undefined,
    });
  } catch (error) {
    // A file that is no model is the client's.
    if (error instanceof EngineError && error.kind === 'failure' && error.code !== 'NO_ROOM') {
      throw new Refusal(400, error.clientMessage, { code: error.code.toLowerCase() });
    }
    throw error;
  }
  const states = ['reading model metadata', 'writing manifest', 'success'].map((status) => ({ status }));
  if (body.stream === false) return c.json(states.at(-1) ?? {});
  const lines = states.map((state) => `${JSON.stringify(state)}\n`).join('');
  return c.body(lines, 200, { 'content-type': 'application/x-ndjson' });
}

/** The parameters of a model to be made. Throws a Refusal; those without effect become a warning. */
function parametersOf(raw: Request, given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(given).map(([name, one]) => {
      const { value, reason } = parameterValue(name, one);
      if (value === undefined) {
        throw new Refusal(400, `parameters.${name}: expected ${reason}`, {
          code: 'invalid_value',
          param: `parameters.${name}`,
        });
      }
      if (reason !== '') addWarning(raw, `parameters.${name}: ${reason}`);
      return [name, value];
    }),
  );
}

const copyRequest = z.object({ source: text, destination: text });

/** Gives a model a second name; what it consists of is shared. */
export async function copy(backend: Backend, c: Context): Promise<Response> {
  const { source, destination } = await jsonBody(c.req, copyRequest, Object.keys(copyRequest.shape));
  const model = modelNamed(backend, nameIn(source, 'source'));
  const [store, name] = [storeOf(backend), nameIn(destination, 'destination')];
  // A model whose tag was left out would get another one beside it.
  const own = [model.name, attempt(() => storedName(nameIn(source, 'source')))];
  if (!own.includes(storedName(name))) await makeModel(store, name, { base: backend.layersOf(model) });
  return c.body(null, 200);
}

/** Removes a model, or what has come of one that was not pulled to its end. */
export async function remove(backend: Backend, name: string): Promise<void> {
  const store = backend.store();
  const called = store && unfinishedCalled(store.unfinished, name, (...wanted) => backend.find(...wanted));
  if (called) removeUnfinishedModel(called.unfinished);
  const model = called ? called.whole : modelNamed(backend, name);
  if (model) await backend.remove(model);
}

/** The digest in a path. Throws a Refusal. */
function digestIn(c: Context): string {
  const digest = c.req.param('digest') ?? '';
  if (isDigest(digest)) return digest;
  throw new Refusal(400, 'invalid digest format: expected "sha256:" and 64 hex digits', { code: 'invalid_digest' });
}

/** Tells whether a blob is there. */
export function headBlob(backend: Backend, c: Context): Response {
  return c.body(null, storeOf(backend).blobLayer('model', digestIn(c)) ? 200 : 404);
}

/** Takes a blob, as its bytes come: 201, or 200 for one that is there already. */
export async function postBlob(backend: Backend, c: Context): Promise<Response> {
  const digest = digestIn(c);
  const store = storeOf(backend);
  if (store.blobLayer('model', digest)) return c.body(null, 200);
  // Room for bytes that are not announced is looked for as they come.
  await store.addBlob(digest, decodeBody(c.req.raw).pieces, Number(c.req.header('content-length') ?? 0));
  return c.body(null, 201);
}
