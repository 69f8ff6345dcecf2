/**
 * Where a request stands between 0 and 1, always the same for the same id: all lines of one request
 * are kept or left out together, in every process, and a higher rate keeps all that a lower one does.
 */
export function toShare(requestId: string): number {
  // FNV-1a, then the end of MurmurHash3: ids that count up differ in their last digits alone.
  let hash = 0x811c9dc5;
  for (let at = 0; at < requestId.length; at++) {
    hash = Math.imul(hash ^ requestId.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Rates by stream, such as `prediction`, or by stream and API, such as `prediction.churn`. */
export type SampleRates = Readonly<Record<string, number>>;

/** Whether the lines of a request are written. The rate of an API wins over that of its stream. */
export function createSampler(
  rates: SampleRates,
): (stream: string, requestId: string, api?: string) => boolean {
  if (Object.values(rates).every((rate) => rate >= 1)) return () => true;
  const byKey = new Map(Object.entries(rates));
  return (stream, requestId, api) => {
    const own = api === undefined ? undefined : byKey.get(`${stream}.${api}`);
    const rate = own ?? byKey.get(stream) ?? 1;
    return rate >= 1 || toShare(requestId) < rate;
  };
}
