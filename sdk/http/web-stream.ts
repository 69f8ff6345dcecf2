/**
 * A stream of the Fetch standard that takes its chunks when its reader wants them. `end` is called
 * once, when they have ended or the reader has gone.
 */
export function toWebStream(
  chunks: AsyncIterator<string>,
  end: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done !== true) {
        controller.enqueue(encoder.encode(value));
        return;
      }
      controller.close();
      end();
    },
    async cancel() {
      end();
      await chunks.return?.();
    },
  });
}
