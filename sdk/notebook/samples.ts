import type { SentRequest } from "../http/sent-request.js";

/** A call that was made in the notebook: what was sent. The answer is asked for anew at `save()`. */
export interface RecordedCall {
  readonly api: string;
  readonly request: SentRequest;
  /** How many rows or items were sent. */
  readonly items: number;
}

const MOST_CALLS = 20;
const MOST_BYTES = 256 * 1024;
/** A call of more is an evaluation: its rows are data, which must not travel with the bundle. */
const MOST_ITEMS = 50;

/** Keeps the latest inline calls of each service and API, the same one once, but none with many rows. */
export interface CallRecorder {
  record(service: string, call: RecordedCall): void;
  find(service: string): readonly RecordedCall[];
}

export function createCallRecorder(): CallRecorder {
  const calls = new Map<string, RecordedCall[]>();
  return {
    record(service, call) {
      if (call.items > MOST_ITEMS || (call.request.body?.byteLength ?? 0) > MOST_BYTES) return;
      const earlier = calls.get(service) ?? [];
      const same = (other: RecordedCall): boolean =>
        other.api === call.api && isSame(other.request, call.request);
      const kept = [...earlier.filter((other) => !same(other)), call];
      const ofApi = kept.filter((other) => other.api === call.api);
      calls.set(service, ofApi.length > MOST_CALLS ? kept.filter((one) => one !== ofApi[0]) : kept);
    },
    find: (service) => calls.get(service) ?? [],
  };
}

function isSame(one: SentRequest, other: SentRequest): boolean {
  return (
    one.path === other.path &&
    JSON.stringify(one.headers) === JSON.stringify(other.headers) &&
    Buffer.compare(one.body ?? EMPTY, other.body ?? EMPTY) === 0
  );
}

const EMPTY = new Uint8Array();
