/** What the values of a stream come from, and what ends it. */
export interface StreamSource {
  next(): Promise<IteratorResult<unknown, void>>;
  /** Frees what the stream holds; called once. */
  end(): void;
}

/** An iterator over a stream whose first value has come already. */
export function createStream(
  first: IteratorResult<unknown, void>,
  { next, end }: StreamSource,
): AsyncIterableIterator<unknown> {
  let isFirst = true;
  let isOver = false;

  function close(): void {
    if (isOver) return;
    isOver = true;
    end();
  }

  const iterator: AsyncIterableIterator<unknown> = {
    async next() {
      if (isOver) return { done: true, value: undefined };
      try {
        const result = isFirst ? first : await next();
        isFirst = false;
        if (result.done === true) close();
        return result;
      } catch (error) {
        close();
        throw error;
      }
    },
    return() {
      close();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

/** A promise of a stream that can be iterated itself. */
export function toIterable<T>(promise: Promise<T>): Promise<T> & AsyncIterable<unknown> {
  async function* iterate(): AsyncGenerator<unknown, void, undefined> {
    yield* (await promise) as AsyncIterable<unknown>;
  }
  return Object.assign(promise, { [Symbol.asyncIterator]: iterate });
}
