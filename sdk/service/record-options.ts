import { EkibenError } from "../core/errors.js";
import type { LogRecord, RecordHook, RecordListener } from "../observability/records/record.js";
import { checkKeys } from "./check-keys.js";

/** What `.onRecord()` wants to see. */
export interface RecordOptions {
  /** @default ["prediction", "feedback"] */
  streams?: readonly LogRecord["stream"][];
}

const STREAMS = ["access", "prediction", "feedback"];

/** @throws SERVICE_INVALID */
export function toRecordListener(hook: RecordHook, options: RecordOptions): RecordListener {
  checkKeys("`.onRecord()`", options, ["streams"]);
  const { streams = ["prediction", "feedback"] } = options;
  const unknown = streams.find((stream) => !STREAMS.includes(stream));
  if (unknown !== undefined || streams.length === 0) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `.onRecord() cannot see ${unknown === undefined ? "no stream at all" : `the stream ${JSON.stringify(unknown)}`}.`,
      expected: `one or more of ${STREAMS.join(", ")}`,
    });
  }
  return Object.freeze({ hook, streams: Object.freeze([...streams]) });
}
