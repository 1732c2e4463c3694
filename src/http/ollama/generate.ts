import type { HonoRequest } from 'hono';
import type { Message } from '../../chat/message.ts';
import type { ServedModel } from '../../library/model-card.ts';
import type { Prompt } from '../../worker/backend.ts';
import { jsonBody } from '../request/body.ts';
import { requestedModel } from '../request/requested-model.ts';
import { unsupportedByModel, unsupportedRequest } from './refusals.ts';
import { conversationForm, generateNames, generateRequest, type OllamaGenerateRequest, requestOf } from './requests.ts';
import { type AnswerForm, checkSupported, type OllamaService, respond, respondReady } from './respond.ts';

const raw: AnswerForm = { part: ({ text, thinking }) => ({ response: text, ...(thinking && { thinking }) }) };
const form: AnswerForm = { ...raw, last: ({ tokens }) => ({ context: tokens }) };

function checkGenerate(request: OllamaGenerateRequest): void {
  const { model, images, suffix, system, context, template } = request;
  if (images.length > 0) throw unsupportedByModel(model, 'images');
  if (suffix !== '' && (request.raw || system !== '' || template !== '' || context.length > 0)) {
    throw unsupportedRequest('a suffix goes with neither raw mode nor template, system or context');
  }
  if (request.raw && (system !== '' || template !== '' || context.length > 0)) {
    throw unsupportedRequest('raw mode does not support template, system, or context');
  }
}

function promptOf(request: OllamaGenerateRequest, { template }: ServedModel): Prompt {
  const { prompt, system, template: given } = request;
  if (request.suffix !== '') return { kind: 'infill', prefix: prompt, suffix: request.suffix };
  if (request.raw) return { kind: 'text', text: prompt, special: true };
  if (template === '' && given === '')
    return { kind: 'text', text: system === '' ? prompt : `${system}\n\n${prompt}`, special: false };
  const user: Message = { role: 'user', content: prompt };
  const messages = system === '' ? [user] : [{ role: 'system', content: system }, user];
  return { kind: 'chat', messages, ...conversationForm(request) };
}

/** POST /api/generate: the answer to one prompt. */
export async function generate(service: OllamaService, { req }: { req: HonoRequest }): Promise<Response> {
  const body = await jsonBody(req, generateRequest, generateNames);
  const model = requestedModel(service.backend, body.model);
  const request = { ...body, model: body.model || model.name };
  checkSupported(req.raw, request, { served: model, conversation: { messages: [], ...conversationForm(request) } });
  checkGenerate(request);
  if (request.prompt === '' && request.suffix === '')
    return respondReady(service, req.raw, { request, model, form: raw });
  const { context } = request;
  const generation = {
    ...requestOf(request, model),
    prompt: promptOf(request, model),
    before: context.length > 0 ? context : undefined,
    tokens: !request.raw,
  };
  return respond(service, req.raw, { request, model, generation, form: request.raw ? raw : form });
}
