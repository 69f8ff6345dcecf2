/** Reads single headers of a request; names in any case. */
export interface HeaderReader {
  get(name: string): string | null;
}

/** The headers of a request that was never sent. */
export function toHeaderReader(headers: Readonly<Record<string, string>> = {}): HeaderReader {
  const values = new Map(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return { get: (name) => values.get(name.toLowerCase()) ?? null };
}
