/**
 * A message of a conversation.
 *
 * @example const message: Message = { role: 'user', content: 'Why is the sky blue?' };
 */
export interface Message {
  /** Role: `system`, `user`, `assistant`, `tool`, or any other that the model's template knows. */
  readonly role: string;
  readonly content: string;
  /** Thoughts of the model before its `content`, which many templates leave out of the prompt. */
  readonly thinking?: string | undefined;
  /** Calls of tools behind `content`. */
  readonly toolCalls?: readonly ToolCall[] | undefined;
  /** Name of the tool whose result this message is. */
  readonly toolName?: string | undefined;
  /** Id of the call whose result this message is. */
  readonly toolCallId?: string | undefined;
}

/**
 * A call of a tool by the model.
 *
 * @example const call: ToolCall = { id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' };
 */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON as the model wrote it. */
  readonly arguments: string;
}

/**
 * A part of a call that is being written: calls are counted by `index`, and the first part of each has its id and name.
 *
 * @example const part: ToolCallDelta = { index: 0, arguments: '"Oslo"}' };
 */
export interface ToolCallDelta {
  readonly index: number;
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  /** The next part of the JSON. */
  readonly arguments: string;
}

/**
 * A tool that the model may call.
 *
 * @example const tool: Tool = { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } };
 */
export interface Tool {
  readonly name: string;
  readonly description?: string | undefined;
  /** JSON schema of the arguments. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  /** True: a schema that cannot be enforced as a whole is refused, instead of what can be enforced of it. */
  readonly strict?: boolean | undefined;
}

/**
 * Whether tools are called: as the model likes, not at all, at least one, or the named one.
 *
 * @example const choice: ToolChoice = { name: 'weather' };
 */
export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };

/**
 * A conversation, and how it is put through the model's chat template.
 *
 * @example const conversation: Conversation = { messages: [{ role: 'user', content: 'Hi' }], think: false };
 */
export interface Conversation {
  readonly messages: readonly Message[];
  readonly tools?: readonly Tool[] | undefined;
  /** Default: auto. */
  readonly toolChoice?: ToolChoice | undefined;
  /** Default: as the template has it. */
  readonly parallelToolCalls?: boolean | undefined;
  /** Whether the model thinks first, or how much ("low", "high", …). Default: as the template has it. */
  readonly think?: boolean | string | undefined;
  /** Whether the model goes on with the last message. Default: if it is the assistant's. */
  readonly continueLast?: boolean | undefined;
  /** Whether the prompt ends with the begin of a new answer. Default: unless the last message is gone on with. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** Whether names of control tokens in messages are these tokens, so that anyone can forge messages. Default: no. */
  readonly parseSpecial?: boolean | undefined;
  /** Source of a chat template in place of the model's own, in either notation. */
  readonly chatTemplate?: string | undefined;
  /** More variables of the template, which count before those that `think` sets. */
  readonly templateArguments?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * A conversation, or the messages of one.
 *
 * @example const prompt: ChatPrompt = [{ role: 'user', content: 'Hi' }];
 */
export type ChatPrompt = Conversation | readonly Message[];

export const conversationOf = (prompt: ChatPrompt): Conversation =>
  'messages' in prompt ? prompt : { messages: prompt };
