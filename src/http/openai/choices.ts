import { setMaxListeners } from 'node:events';
import type { ServedModel } from '../../library/model-card.ts';
import type { Answer, Backend, Delta, Ending, GenerationRequest } from '../../worker/backend.ts';
import { recorded } from '../request/request-log.ts';
import type { OpenAiParams } from './requests.ts';

/** OpenAI's count of a request's tokens. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

interface ChoicesRequest {
  /** The request, for its log. */
  readonly request: Request;
  readonly model: ServedModel;
  /** The prompts: `n` answers for each. */
  readonly prompts: readonly GenerationRequest['prompt'][];
  readonly params: Pick<OpenAiParams, 'n' | 'generation' | 'keepAlive'>;
  /** Aborted when the client is gone. */
  readonly client: AbortSignal;
}

/** Takes all answers, one call at a time; the answers wait for its results. */
interface ChoiceListener {
  delta(delta: Delta, index: number): unknown;
  end(ending: Ending, index: number): unknown;
}

/** All answers to one request, generated side by side. The first that fails ends the others. */
export class Choices {
  /** All answers: those of a prompt stand together. */
  readonly answers: readonly Answer[];
  readonly #perPrompt: number;
  readonly #others: AbortController;

  private constructor(answers: readonly Answer[], perPrompt: number, others: AbortController) {
    this.answers = answers;
    this.#perPrompt = perPrompt;
    this.#others = others;
  }

  /** Resolves when all have their place in the queue. Rejects as `Backend.generate`. */
  static async start(backend: Backend, { request, model, prompts, params, client }: ChoicesRequest): Promise<Choices> {
    const others = new AbortController();
    const { signal } = others;
    // Each answer listens; Node would warn of more than ten as of a leak.
    setMaxListeners(0, signal);
    if (client.aborted) others.abort();
    else client.addEventListener('abort', () => others.abort(), { once: true });
    const { n, generation, keepAlive } = params;
    const requests = prompts.flatMap((prompt) =>
      Array.from({ length: n }, (_, k) => ({ ...generation, prompt, sampling: varied(generation.sampling, k) })),
    );
    try {
      return new Choices(
        await Promise.all(
          requests.map((generation) =>
            recorded(request, model.name, () => backend.generate(model, generation, { signal, keepAlive })),
          ),
        ),
        n,
        others,
      );
    } catch (error) {
      others.abort();
      throw error;
    }
  }

  /** Takes all answers to their end. Rejects with the first error of one, when the others have ended as well. */
  async each({ delta, end }: ChoiceListener): Promise<void> {
    let turn: Promise<unknown> = Promise.resolve();
    const inTurn = (act: () => unknown): Promise<unknown> => {
      turn = turn.then(act);
      return turn;
    };
    const failures: unknown[] = [];
    const consume = async (answer: Answer, index: number): Promise<void> => {
      try {
        for await (const some of answer) await inTurn(() => delta(some, index));
        await inTurn(() => end(endingOf(answer), index));
      } catch (error) {
        failures.push(error);
        this.#others.abort();
      }
    };
    await Promise.all(this.answers.map(consume));
    if (failures.length > 0) throw failures[0];
  }

  /** The usage, once all have ended. A prompt counts once, however many answers it got. */
  get usage(): Usage {
    const endings = this.answers.map(endingOf);
    const firsts = endings.filter((_, index) => index % this.#perPrompt === 0);
    const prompt_tokens = sum(firsts.map(({ promptTokens }) => promptTokens));
    const completion_tokens = sum(endings.map(({ answerTokens }) => answerTokens));
    return {
      prompt_tokens,
      completion_tokens,
      total_tokens: prompt_tokens + completion_tokens,
      prompt_tokens_details: { cached_tokens: sum(firsts.map(({ cachedTokens }) => cachedTokens)) },
    };
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);

function endingOf({ ending }: Answer): Ending {
  if (!ending) throw new Error('an answer was cancelled');
  return ending;
}

/** The k-th answer's sampling: with one seed for all, all would be the same. */
const varied = (sampling: GenerationRequest['sampling'], k: number): GenerationRequest['sampling'] =>
  sampling.seed === undefined ? sampling : { ...sampling, seed: (sampling.seed + k) % (2 ** 32 - 1) };
