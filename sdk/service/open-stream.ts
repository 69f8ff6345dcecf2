import type { Clock } from "../core/clock.js";
import type { Cancellation } from "../core/cancellation.js";
import { EkibenError } from "../core/errors.js";
import type { ApiDefinition } from "./definition.js";
import { toHandlerError } from "./handler-error.js";
import type { Answer } from "./runtime.js";

export interface StreamOptions {
  cancellation: Cancellation;
  clock: Clock;
  /** Milliseconds for which the client waits for a value, when it said so. */
  timeoutMs?: number;
  check: ((outputs: readonly unknown[]) => void) | undefined;
}

/** What both kinds of iterators have in common. */
interface Source {
  next(): Promise<IteratorResult<unknown>>;
  return(): Promise<IteratorResult<unknown>>;
}

type Open = (this: unknown) => Iterator<unknown> | AsyncIterator<unknown>;
type Stream = Extract<Answer, { kind: "stream" }>;

/**
 * Makes an answer of what a handler yields. It waits for the first value, and no longer than the
 * time limit of the API for this and each further one. The handler's generator is ended when the
 * client goes, and when it takes nothing for as long.
 * @throws OUTPUT_INVALID when the handler returned nothing that yields; what the first value throws.
 */
export async function openStream(
  api: ApiDefinition,
  returned: unknown,
  { cancellation, clock, timeoutMs = Infinity, check }: StreamOptions,
): Promise<Stream> {
  const limitMs = Math.min(api.timeoutMs, timeoutMs);
  const source = toSource(api.name, returned);
  let end!: (failed: boolean) => void;
  const ended = new Promise<boolean>((resolve) => (end = resolve));
  let isOver = false;
  let failed = false;
  let cancelStall: (() => void) | undefined;

  function close(): void {
    if (isOver) return;
    isOver = true;
    cancelStall?.();
    cancellation.removeEventListener("abort", close);
    // A generator that waits ends when what it waits for has come.
    Promise.resolve(source.return())
      .catch(() => {})
      .finally(() => end(failed));
  }

  async function next(): Promise<IteratorResult<unknown>> {
    cancelStall?.();
    if (isOver && cancellation.aborted) throw cancellation.reason;
    if (isOver) return { done: true, value: undefined };
    try {
      const result = await inTime(api, source, { cancellation, clock, limitMs });
      if (result.done === true) {
        close();
      } else {
        check?.([result.value]);
        // Whoever does not read holds what the generator holds; so does an answer that was dropped.
        cancelStall = clock.after(api.timeoutMs, () => cancellation.abort(stalled(api)));
      }
      return result;
    } catch (error) {
      failed = !cancellation.aborted;
      close();
      throw cancellation.aborted ? cancellation.reason : toHandlerError(api.name, error);
    }
  }

  // Nobody waits any more for what the handler took too long to return.
  if (cancellation.aborted) {
    close();
    throw cancellation.reason;
  }
  cancellation.addEventListener("abort", close);
  const first = await next();
  let isFirst = true;
  const iterator: AsyncIterableIterator<unknown> = {
    next() {
      if (!isFirst || isOver) return next();
      isFirst = false;
      return Promise.resolve(first);
    },
    return() {
      close();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return { kind: "stream", values: iterator, ended };
}

function toSource(api: string, returned: unknown): Source {
  const given = returned as { [Symbol.asyncIterator]?: Open; [Symbol.iterator]?: Open } | null;
  const open = given?.[Symbol.asyncIterator] ?? given?.[Symbol.iterator];
  if (typeof open === "function" && typeof returned !== "string") {
    const iterator = open.call(given);
    return {
      // The values of a plain array may be promises.
      async next() {
        const { done, value } = await iterator.next();
        return { done: done === true, value: (await value) as unknown };
      },
      async return() {
        return (await iterator.return?.()) ?? { done: true, value: undefined };
      },
    };
  }
  throw new EkibenError("OUTPUT_INVALID", {
    detail: `The handler of "${api}" returned nothing that can be sent value by value.`,
    hint: "Write it as a generator: async *handler(input) { yield … }.",
    expected: "a generator",
    received: returned === null ? "null" : typeof returned,
  });
}

function inTime(
  api: ApiDefinition,
  source: Source,
  { cancellation, clock, limitMs }: { cancellation: Cancellation; clock: Clock; limitMs: number },
): Promise<IteratorResult<unknown>> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      cancelTimer();
      cancellation.removeEventListener("abort", onAbort);
    };
    const onAbort = (): void => {
      settle();
      reject(cancellation.reason as Error);
    };
    const cancelTimer = clock.after(limitMs, () => {
      cancellation.abort(
        new EkibenError("REQUEST_TIMEOUT", {
          detail: `"${api.name}" yielded nothing within ${limitMs} ms.`,
        }),
      );
    });
    cancellation.addEventListener("abort", onAbort);
    source.next().then(
      (result) => {
        settle();
        resolve(result);
      },
      (error: unknown) => {
        settle();
        reject(error as Error);
      },
    );
  });
}

function stalled({ name, timeoutMs }: ApiDefinition): EkibenError {
  return new EkibenError("CLIENT_CLOSED", {
    detail: `The client took nothing of the stream of "${name}" for ${timeoutMs} ms.`,
  });
}
