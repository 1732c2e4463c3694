import type { HonoRequest } from 'hono';
import type { Message, ToolCall } from '../../chat/message.ts';
import { jsonBody } from '../request/body.ts';
import { requestedModel } from '../request/requested-model.ts';
import { unsupportedByModel } from './refusals.ts';
import { chatRequest, type OllamaChatRequest, type RequestCall, requestOf } from './requests.ts';
import { type AnswerForm, checkSupported, type OllamaService, respond, respondReady } from './respond.ts';

const form: AnswerForm = {
  part: ({ text, thinking }) => ({ message: { role: 'assistant', content: text, ...(thinking && { thinking }) } }),
};

const callOf = ({ id, function: { name, arguments: args } }: RequestCall, index: number): ToolCall => ({
  id: id || `call_${index}`,
  name,
  arguments: typeof args === 'string' ? args : JSON.stringify(args ?? {}),
});

function messagesOf({ model, messages, tools }: OllamaChatRequest): readonly Message[] {
  if (tools.length > 0) throw unsupportedByModel(model, 'tools');
  return messages.map(({ role, content, thinking, images, tool_calls, tool_name, tool_call_id }) => {
    if (images.length > 0) throw unsupportedByModel(model, 'images');
    return {
      role,
      content,
      ...(thinking && { thinking }),
      ...(tool_calls.length > 0 && { toolCalls: tool_calls.map(callOf) }),
      ...(tool_name && { toolName: tool_name }),
      ...(tool_call_id && { toolCallId: tool_call_id }),
    };
  });
}

/** POST /api/chat: the next message of a conversation. */
export async function chat(service: OllamaService, { req }: { req: HonoRequest }): Promise<Response> {
  const body = await jsonBody(req, chatRequest);
  const model = requestedModel(service.backend, body.model);
  const request = { ...body, model: body.model || model.name };
  checkSupported(service, request, model);
  const messages = messagesOf(request);
  if (messages.length === 0) return respondReady(service, req.raw, { request, model, form });
  if (!model.chats) throw unsupportedByModel(request.model, 'chat');
  const { think } = request;
  const prompt = { kind: 'chat', messages, ...(think !== undefined && { think }) } as const;
  const generation = { ...requestOf(request, model), prompt };
  return respond(service, req.raw, { request, model, generation, form });
}
