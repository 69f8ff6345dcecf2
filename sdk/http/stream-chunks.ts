import type { Problem } from "../core/errors.js";
import type { Output } from "../outputs/output.js";

/** The text of an answer that is sent as it comes. */
export interface StreamBody extends AsyncIterableIterator<string, undefined> {
  /** The code of the error that broke it, once one has; that its client has gone is none. */
  readonly broke?: string | undefined;
}

export interface StreamFormat {
  output: Output;
  mediaType: string;
  /** Milliseconds of silence after which the output may write that the stream still lives. */
  keepAliveMs: number;
  /** The problem document that tells why the stream broke. */
  toProblem(error: unknown): Problem;
}

type Chunk = IteratorResult<string, undefined>;

const DONE: Chunk = { done: true, value: undefined };

/**
 * The chunks of a stream as text. What broke it is its last chunk, since its status has been sent.
 * Who returns ends the values at once, also while it waits for one.
 */
export function toStreamChunks(
  values: AsyncIterableIterator<unknown>,
  format: StreamFormat,
): StreamBody {
  const { output, mediaType } = format;
  let awaited: Promise<IteratorResult<unknown>> | undefined;
  let isOver = false;
  let broke: string | undefined;

  const chunks: StreamBody = {
    get broke() {
      return broke;
    },
    async next(): Promise<Chunk> {
      if (isOver) return DONE;
      try {
        awaited ??= values.next();
        const sign = output.keepAlive?.(mediaType);
        const result =
          sign === undefined ? await awaited : await beforeSilence(awaited, format.keepAliveMs);
        if (result === undefined) return { done: false, value: sign! };
        awaited = undefined;
        if (result.done !== true) {
          return { done: false, value: output.writeChunk!(result.value, mediaType) };
        }
        isOver = true;
        const end = output.writeEnd?.(mediaType);
        return end === undefined ? DONE : { done: false, value: end };
      } catch (error) {
        isOver = true;
        void values.return!();
        const problem = format.toProblem(error);
        if (problem.status >= 500) broke = problem.code;
        return { done: false, value: output.writeBreak!(problem, mediaType) };
      }
    },
    async return(): Promise<Chunk> {
      isOver = true;
      await values.return!();
      return DONE;
    },
    [Symbol.asyncIterator]: () => chunks,
  };
  return chunks;
}

/** What was awaited, or `undefined` when it did not come in time; it may be awaited again. */
function beforeSilence<T>(awaited: Promise<T>, ms: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    timer.unref();
    awaited.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error as Error);
      },
    );
  });
}
