import type { HonoRequest } from 'hono';
import type { Message } from '../../chat/message.ts';
import { jsonBody } from '../request/body.ts';
import { requestedModel } from '../request/requested-model.ts';
import { unsupportedByModel } from './refusals.ts';
import { chatRequest, type OllamaChatRequest, requestOf } from './requests.ts';
import { type AnswerForm, checkSupported, type OllamaService, respond, respondReady } from './respond.ts';

const form: AnswerForm = { text: (content) => ({ message: { role: 'assistant', content } }) };

function messagesOf({ model, messages, tools }: OllamaChatRequest): readonly Message[] {
  if (tools.length > 0) throw unsupportedByModel(model, 'tools');
  return messages.map(({ role, content, images, tool_calls }) => {
    if (images.length > 0) throw unsupportedByModel(model, 'images');
    if (role === 'tool' || tool_calls.length > 0) throw unsupportedByModel(model, 'tools');
    return { role, content };
  });
}

/** POST /api/chat: the next message of a conversation. */
export async function chat(service: OllamaService, { req }: { req: HonoRequest }): Promise<Response> {
  const body = await jsonBody(req, chatRequest);
  const model = requestedModel(service.backend, body.model);
  const request = { ...body, model: body.model || model.name };
  checkSupported(service, request);
  const messages = messagesOf(request);
  if (messages.length === 0) return respondReady(service, req.raw, { request, model, form });
  if (!model.chats) throw unsupportedByModel(request.model, 'chat');
  const generation = { ...requestOf(request, model), prompt: { kind: 'chat', messages } as const };
  return respond(service, req.raw, { request, model, generation, form });
}
