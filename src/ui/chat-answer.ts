/** A call of a tool that a model wants. */
export interface AnsweredCall {
  readonly function: { readonly name: string; readonly arguments: unknown };
}

/** A message of a chat. */
export interface ChatMessage {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

/** A line of /api/chat. */
export interface ChatLine {
  readonly message?: {
    readonly content?: string;
    readonly thinking?: string;
    readonly tool_calls?: readonly AnsweredCall[];
  };
  readonly done?: boolean;
  readonly done_reason?: string;
  readonly error?: string;
  readonly prompt_eval_count?: number;
  readonly eval_count?: number;
  readonly eval_duration?: number;
}

/** An answer so far. */
export interface ChatAnswer {
  readonly text: string;
  readonly thoughts: string;
  readonly calls: readonly AnsweredCall[];
  readonly error: string | undefined;
  /** Its cost, once it has ended. */
  readonly cost: { readonly prompt: number; readonly answer: number; readonly rate: number | undefined } | undefined;
}

export const emptyAnswer: ChatAnswer = { text: '', thoughts: '', calls: [], error: undefined, cost: undefined };

/** An answer with a line more. */
export function withLine(answer: ChatAnswer, line: ChatLine): ChatAnswer {
  const { content = '', thinking = '', tool_calls = [] } = line.message ?? {};
  const { prompt_eval_count: prompt = 0, eval_count: count = 0, eval_duration: nanoseconds = 0 } = line;
  return {
    text: answer.text + content,
    thoughts: answer.thoughts + thinking,
    calls: [...answer.calls, ...tool_calls],
    error: line.error ?? answer.error,
    cost: line.done
      ? { prompt, answer: count, rate: nanoseconds > 0 ? (count * 1e9) / nanoseconds : undefined }
      : answer.cost,
  };
}
