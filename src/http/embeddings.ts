import type { ServedModel } from '../library/model-card.ts';
import type { Backend, EmbeddingRequest } from '../worker/backend.ts';
import type { Reservation } from './request/request-memory.ts';

/** Embeddings as JSON, and the cost of them. */
export interface WrittenEmbeddings {
  /** One for each input. */
  readonly items: readonly string[];
  /** Tokens of all inputs. */
  readonly tokens: number;
  readonly loadSeconds: number;
  readonly totalSeconds: number;
}

/** Digits of a float32 that make it out among all others. */
const digits = 9;

/** An embedding as a JSON array. */
export const asNumbers = (vector: Float32Array): string =>
  `[${Array.from(vector, (x) => Number(x.toPrecision(digits))).join(',')}]`;

/** An embedding as a JSON string: its float32 values, little endian, in base64. */
export const asBase64 = ({ buffer, byteOffset, byteLength }: Float32Array): string =>
  `"${Buffer.from(buffer, byteOffset, byteLength).toString('base64')}"`;

/** Has a model embed inputs, and writes each embedding as `asText` does. Rejects as `Backend.embed`. */
export async function writtenEmbeddings(
  backend: Backend,
  { model, request, asText }: EmbeddingJob,
  { signal, keepAlive, reservation }: EmbeddingOptions,
): Promise<WrittenEmbeddings> {
  const began = performance.now();
  const items: string[] = [];
  let [tokens, load] = [0, 0];
  for await (const part of backend.embed(model, request, { signal, keepAlive })) {
    for (const vector of part.vectors) {
      const item = asText(vector);
      reservation.add(2 * item.length);
      items.push(item);
    }
    tokens += part.tokens;
    load = part.loadSeconds;
  }
  return { items, tokens, loadSeconds: load, totalSeconds: (performance.now() - began) / 1000 };
}

interface EmbeddingJob {
  readonly model: ServedModel;
  readonly request: EmbeddingRequest;
  readonly asText: (vector: Float32Array) => string;
}

interface EmbeddingOptions {
  readonly signal: AbortSignal;
  readonly keepAlive: number | undefined;
  /** Memory of the request, which the embeddings are counted against. */
  readonly reservation: Reservation;
}
