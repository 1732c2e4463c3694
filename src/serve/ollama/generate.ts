import type { HonoRequest } from 'hono';
import type { Message } from '../../text/chat-template.ts';
import { modelAsked } from '../asked-model.ts';
import { jsonBody } from '../body.ts';
import type { ServedModel } from '../card.ts';
import type { Prompt } from '../hub.ts';
import { answered, checkWishes, type Form, readied, type Service } from './answers.ts';
import { refused, unsupported } from './refusals.ts';
import { askOf, type GenerateRequest, generateRequest } from './requests.ts';

const raw: Form = { text: (response) => ({ response }) };
const form: Form = { ...raw, last: ({ tokens }) => ({ context: tokens }) };

function checkGenerate(request: GenerateRequest): void {
  const { model, images, suffix, system, context } = request;
  if (images.length > 0) throw unsupported(model, 'images');
  if (suffix !== '') throw unsupported(model, 'insert');
  if (request.raw && (system !== '' || context.length > 0)) {
    throw refused('raw mode does not support template, system, or context');
  }
}

function promptOf(request: GenerateRequest, { chats }: ServedModel): Prompt {
  const { prompt, system } = request;
  if (request.raw) return { kind: 'text', text: prompt, special: true };
  if (!chats) return { kind: 'text', text: system === '' ? prompt : `${system}\n\n${prompt}`, special: false };
  const user: Message = { role: 'user', content: prompt };
  return { kind: 'chat', messages: system === '' ? [user] : [{ role: 'system', content: system }, user] };
}

/** POST /api/generate: the answer to one prompt. */
export async function generate(service: Service, { req }: { req: HonoRequest }): Promise<Response> {
  const asked = await jsonBody(req, generateRequest);
  const model = modelAsked(service.hub, asked.model);
  const request = { ...asked, model: asked.model || model.name };
  checkWishes(service, request);
  checkGenerate(request);
  if (request.prompt === '') return readied(service, req.raw, { request, model, form: raw });
  const { context } = request;
  const ask = {
    ...askOf(request, model),
    prompt: promptOf(request, model),
    before: context.length > 0 ? context : undefined,
    tokens: !request.raw,
  };
  return answered(service, req.raw, { request, model, ask, form: request.raw ? raw : form });
}
