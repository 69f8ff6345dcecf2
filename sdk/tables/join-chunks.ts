type Numbers = Float64Array;

/** The values of several chunks as one list; typed arrays of one kind stay one, and a single chunk is not copied. */
export function joinChunks(chunks: readonly ArrayLike<unknown>[]): ArrayLike<unknown> {
  if (chunks.length === 1) return chunks[0]!;
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const first = chunks[0];
  if (first === undefined) return [];
  if (ArrayBuffer.isView(first) && chunks.every((one) => one.constructor === first.constructor)) {
    const Kind = first.constructor as new (length: number) => Numbers;
    const joined = new Kind(length);
    let at = 0;
    for (const chunk of chunks) {
      joined.set(chunk as Numbers, at);
      at += chunk.length;
    }
    return joined;
  }
  const joined: unknown[] = [];
  for (const chunk of chunks) {
    for (let row = 0; row < chunk.length; row++) joined.push(chunk[row]);
  }
  return joined;
}
