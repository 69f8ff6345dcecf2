/**
 * A stream of the Fetch standard that takes its chunks when its reader wants them. `end` is called
 * once with their bytes, when they have ended or the reader has gone.
 */
export function toWebStream(
  chunks: AsyncIterator<string>,
  end: (bytes: number) => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let bytes = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done !== true) {
        const chunk = encoder.encode(value);
        bytes += chunk.byteLength;
        controller.enqueue(chunk);
        return;
      }
      controller.close();
      end(bytes);
    },
    async cancel() {
      end(bytes);
      await chunks.return?.();
    },
  });
}
