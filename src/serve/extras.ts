import { Hono } from 'hono';
import * as z from 'zod';
import { jsonBody } from './body.ts';
import type { Hub, Metric, ServedModel } from './hub.ts';
import { Messages } from './openai/messages.ts';
import { modelNamed } from './openai/models.ts';
import { Refusal } from './refusal.ts';

const Named = { model: z.string().nullish() };
/** Characters or tokens: while an engine goes through more, it answers nobody for seconds. */
const most = 2 ** 20;

const Tokenize = z.looseObject({
  ...Named,
  content: z.string().max(most),
  add_special: z.boolean().nullish(),
  parse_special: z.boolean().nullish(),
});
const Detokenize = z.looseObject({ ...Named, tokens: z.array(z.int().min(0)).max(most) });
const ApplyTemplate = z.looseObject({ ...Named, messages: Messages });

/** llama-server has one model, so its clients name none: then the first that is loaded, or that there is. */
function modelOf(hub: Hub, name: string | null | undefined): ServedModel {
  if (name) return modelNamed(hub, name);
  const model = hub.loaded()[0]?.model ?? hub.models()[0];
  if (!model) throw new Refusal(404, 'there is no model', { code: 'model_not_found' });
  return model;
}

/** llama-server's endpoints beside OpenAI's. `ready` is false while the server cannot answer yet. */
export const extraRoutes = (hub: Hub, ready: () => boolean): Hono =>
  new Hono()
    .get('/health', (c) => (ready() ? c.json({ status: 'ok' }) : c.json({ status: 'loading' }, 503)))
    .get('/metrics', async (c) =>
      c.body(exposition(await hub.metrics()), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
    )
    .post('/tokenize', async (c) => {
      const { model, content, add_special, parse_special } = await jsonBody(c.req, Tokenize);
      const options = { special: parse_special ?? true, bos: add_special ?? false };
      return c.json({ tokens: await hub.tokenize(modelOf(hub, model), content, options) });
    })
    .post('/detokenize', async (c) => {
      const { model, tokens } = await jsonBody(c.req, Detokenize);
      return c.json({ content: await hub.detokenize(modelOf(hub, model), tokens) });
    })
    .post('/apply-template', async (c) => {
      const { model, messages } = await jsonBody(c.req, ApplyTemplate);
      return c.json({ prompt: await hub.applyTemplate(modelOf(hub, model), messages) });
    });

/** Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats */
const exposition = (metrics: readonly Metric[]): string =>
  metrics
    .flatMap(({ name, kind, help, values }) => [
      `# HELP ${name} ${escaped(help)}\n`,
      `# TYPE ${name} ${kind}\n`,
      ...values.map(({ labels, value }) => `${name}${labelled(labels)} ${figure(value)}\n`),
    ])
    .join('');

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

/** {a: 'b'} -> {a="b"} */
function labelled(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

const figure = (value: number): string =>
  Number.isFinite(value) || Number.isNaN(value) ? `${value}` : value > 0 ? '+Inf' : '-Inf';
