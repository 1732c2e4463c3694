import type { HonoRequest } from 'hono';
import type { Message, ToolCall } from '../../chat/message.ts';
import type { ListedCall } from '../call-list.ts';
import { jsonBody } from '../request/body.ts';
import { requestedModel } from '../request/requested-model.ts';
import { toolsIn } from '../request/tools.ts';
import { unsupportedByModel } from './refusals.ts';
import {
  chatNames,
  chatRequest,
  conversationForm,
  type OllamaChatRequest,
  type RequestCall,
  requestOf,
} from './requests.ts';
import {
  type AnswerForm,
  checkSupported,
  type OllamaService,
  respond,
  respondReady,
  type WrittenPart,
} from './respond.ts';

/** The arguments of a call as an object; undefined where the model wrote something else. */
function argumentsOf({ arguments: text }: ListedCall): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A message of the assistant. A call whose arguments are no object is text: clients would not find its arguments. */
function messageOf({ text, thinking, toolCalls = [] }: WrittenPart): object {
  const calls = toolCalls.map((call) => ({ call, values: argumentsOf(call) }));
  const broken = calls.filter(({ values }) => !values).map(({ call }) => `${call.name}(${call.arguments})`);
  const whole = calls.flatMap(({ call: { id, index, name }, values }) =>
    values ? [{ id, function: { index, name, arguments: values } }] : [],
  );
  return {
    role: 'assistant',
    content: text + broken.join('\n'),
    ...(thinking && { thinking }),
    ...(whole.length > 0 && { tool_calls: whole }),
  };
}

const form: AnswerForm = { part: (part) => ({ message: messageOf(part) }) };

const callOf = ({ id, function: { name, arguments: args } }: RequestCall, index: number): ToolCall => ({
  id: id || `call_${index}`,
  name,
  arguments: typeof args === 'string' ? args : JSON.stringify(args ?? {}),
});

function messagesOf({ model, messages }: OllamaChatRequest): readonly Message[] {
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
  const body = await jsonBody(req, chatRequest, chatNames);
  const model = requestedModel(service.backend, body.model);
  const request = { ...body, model: body.model || model.name };
  const messages = messagesOf(request);
  const conversation = { messages, ...toolsIn(request), ...conversationForm(request) };
  checkSupported(req.raw, request, { served: model, conversation });
  if (messages.length === 0) return respondReady(service, req.raw, { request, model, form });
  if (!model.chats) throw unsupportedByModel(request.model, 'chat');
  const generation = { ...requestOf(request, model), prompt: { kind: 'chat', ...conversation } as const };
  return respond(service, req.raw, { request, model, generation, form });
}
