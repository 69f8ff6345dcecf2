import {
  DropTally,
  joinDropped,
  type DroppedLines,
  type Line,
  type LineSink,
} from "../lines/line-sink.js";
import type { Log } from "../log.js";
import { createRecordPrinter } from "./print-record.js";
import { createRecordHooks } from "./record-hooks.js";
import type {
  AccessFacts,
  FeedbackFacts,
  LogRecord,
  PredictionFacts,
  RecordListener,
} from "./record.js";
import { createRedactor } from "./redact.js";
import { createSampler, type SampleRates } from "./sample.js";

/** What a server writes down of each request. */
export interface RequestLogOptions {
  service: string;
  version?: string | undefined;
  /** Where the lines go; without it, to the hooks alone. */
  sink?: LineSink | undefined;
  /** The streams that are written. @default none */
  streams?: Partial<Record<LogRecord["stream"], boolean>>;
  /** @default all of each stream */
  sample?: SampleRates;
  /** Names of values that are not written. @default none */
  redact?: readonly string[];
  /** Headers that predictions keep. @default none */
  headers?: readonly string[];
  /** The most bytes of a line; bodies are cut to it. @default 262_144 (256 KiB) */
  maxRecordBytes?: number;
  /** Streams whose lines are printed and written elsewhere; hooks do not see them. @default none */
  handOver?: HandOver | undefined;
  /** The author's own sinks. @default none */
  hooks?: readonly RecordListener[];
  /** For what goes wrong in a hook. */
  log: Log;
  /** Milliseconds since 1970. */
  now?(): number;
}

/** Who prints and writes the lines of some streams. */
export interface HandOver {
  readonly streams: readonly HandedStream[];
  readonly to: {
    access(facts: AccessFacts): void;
    prediction(facts: PredictionFacts): void;
  };
}

export type HandedStream = "access" | "prediction";

export interface RequestLog {
  /** Whether this stream goes anywhere. */
  keeps(stream: LogRecord["stream"]): boolean;
  /** Whether a line of this stream would be written for a request. */
  wants(stream: LogRecord["stream"], requestId: string, api?: string): boolean;
  access(facts: AccessFacts): void;
  prediction(facts: PredictionFacts): void;
  feedback(facts: FeedbackFacts): void;
  /** The records that were lost, those of the sink among them. */
  dropped(): readonly DroppedLines[];
  /** Hands over what waits; the sink stays open. */
  drain(limitMs: number): Promise<void>;
}

export const RECORD_STREAMS: readonly LogRecord["stream"][] = ["access", "prediction", "feedback"];
export const DEFAULT_MAX_RECORD_BYTES = 256 * 1024;

/** Writes down requests as lines of a sink and records of hooks. Nothing of it can fail a request. */
export function createRequestLog(options: RequestLogOptions): RequestLog {
  const { sink, hooks = [], streams = {}, log } = options;
  const tally = new DropTally();
  const printer = createRecordPrinter({
    service: options.service,
    version: options.version,
    redactor: createRedactor(options.redact ?? []),
    headers: (options.headers ?? []).map((name) => name.toLowerCase()),
    maxRecordBytes: options.maxRecordBytes ?? DEFAULT_MAX_RECORD_BYTES,
    now: options.now ?? Date.now,
  });
  const wanted = new Set(hooks.flatMap((listener) => listener.streams));
  for (const stream of RECORD_STREAMS) {
    if (sink !== undefined && streams[stream] === true) wanted.add(stream);
  }
  const isSampled = createSampler(options.sample ?? {});
  const queues = hooks.length === 0 ? undefined : createRecordHooks({ hooks, log, tally });

  function put(
    stream: LogRecord["stream"],
    { requestId, api }: { requestId: string; api?: string | undefined },
    print: () => Line,
  ): void {
    try {
      const line = print();
      if (sink !== undefined && streams[stream] === true) sink.write(stream, line);
      queues?.push(new LineRecord(stream, requestId, api, line));
    } catch (error) {
      fail(stream, requestId, error);
    }
  }

  const { handOver } = options;
  function hand<Facts extends { requestId: string }>(
    stream: HandedStream,
    to: (facts: Facts) => void,
  ): (facts: Facts) => void {
    return (facts) => {
      try {
        to(facts);
      } catch (error) {
        fail(stream, facts.requestId, error);
      }
    };
  }
  function fail(stream: LogRecord["stream"], requestId: string, error: unknown): void {
    tally.add(stream, "write-failed");
    log.error("a request could not be written down", { requestId, error });
  }
  const isHanded = (stream: HandedStream): boolean => handOver?.streams.includes(stream) === true;

  return {
    keeps: (stream) => wanted.has(stream),
    wants(stream, requestId, api) {
      return wanted.has(stream) && isSampled(stream, requestId, api);
    },
    access: isHanded("access")
      ? hand("access", (facts) => handOver!.to.access(facts))
      : (facts) => put("access", facts, () => printer.access(facts)),
    prediction: isHanded("prediction")
      ? hand("prediction", (facts) => handOver!.to.prediction(facts))
      : (facts) => put("prediction", facts, () => printer.prediction(facts)),
    feedback: (facts) => put("feedback", facts, () => printer.feedback(facts)),
    dropped: () => joinDropped([tally.list(), sink?.dropped() ?? []]),
    async drain(limitMs) {
      await queues?.drain(limitMs);
    },
  };
}

class LineRecord implements LogRecord {
  #line: Line;
  #fields: Readonly<Record<string, unknown>> | undefined;
  declare readonly api?: string;

  constructor(
    readonly stream: LogRecord["stream"],
    readonly requestId: string,
    api: string | undefined,
    line: Line,
  ) {
    if (api !== undefined) this.api = api;
    this.#line = line;
  }

  get line(): string {
    if (typeof this.#line !== "string") this.#line = new TextDecoder().decode(this.#line);
    return this.#line;
  }

  get fields(): Readonly<Record<string, unknown>> {
    return (this.#fields ??= JSON.parse(this.line) as Record<string, unknown>);
  }
}
