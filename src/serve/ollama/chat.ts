import type { HonoRequest } from 'hono';
import type { Message } from '../../text/chat-template.ts';
import { modelAsked } from '../asked-model.ts';
import { jsonBody } from '../body.ts';
import { answered, checkWishes, type Form, readied, type Service } from './answers.ts';
import { unsupported } from './refusals.ts';
import { askOf, type ChatRequest, chatRequest } from './requests.ts';

const form: Form = { text: (content) => ({ message: { role: 'assistant', content } }) };

function messagesOf({ model, messages, tools }: ChatRequest): readonly Message[] {
  if (tools.length > 0) throw unsupported(model, 'tools');
  return messages.map(({ role, content, images, tool_calls }) => {
    if (images.length > 0) throw unsupported(model, 'images');
    if (role === 'tool' || tool_calls.length > 0) throw unsupported(model, 'tools');
    return { role, content };
  });
}

/** POST /api/chat: the next message of a conversation. */
export async function chat(service: Service, { req }: { req: HonoRequest }): Promise<Response> {
  const asked = await jsonBody(req, chatRequest);
  const model = modelAsked(service.hub, asked.model);
  const request = { ...asked, model: asked.model || model.name };
  checkWishes(service, request);
  const messages = messagesOf(request);
  if (messages.length === 0) return readied(service, req.raw, { request, model, form });
  if (!model.chats) throw unsupported(request.model, 'chat');
  const ask = { ...askOf(request, model), prompt: { kind: 'chat', messages } as const };
  return answered(service, req.raw, { request, model, ask, form });
}
