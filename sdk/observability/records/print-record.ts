import { isUtf8 } from "node:buffer";
import type { Line } from "../lines/line-sink.js";
import { LineBytes, MOST_ESCAPED } from "./line-bytes.js";
import { cutBody, toLoggedBody, type LoggedBody } from "./logged-body.js";
import type { AccessFacts, FeedbackFacts, PredictionFacts, RunSummary } from "./record.js";
import type { Redactor } from "./redact.js";

/** What all lines of a server have in common. */
export interface PrintOptions {
  service: string;
  version?: string | undefined;
  redactor: Redactor;
  /** Headers that predictions keep, in lower case. */
  headers: readonly string[];
  /** The most bytes of a line. */
  maxRecordBytes: number;
  /** Milliseconds since 1970. */
  now(): number;
}

/** Writes records as lines: one JSON object with flat names, those of ECS where it has one. */
export interface RecordPrinter {
  access(facts: AccessFacts): string;
  prediction(facts: PredictionFacts): Line;
  feedback(facts: FeedbackFacts): string;
}

/** What a line has beside its bodies, at most; paths and headers are cut to this. */
const MOST_TEXT = 2048;

export function createRecordPrinter(options: PrintOptions): RecordPrinter {
  const { redactor, maxRecordBytes } = options;
  const version =
    options.version === undefined ? "" : `,"service.version":${JSON.stringify(options.version)}`;
  const tail = (stream: string): string =>
    `,"log.level":"info","message":"${stream}","event.dataset":"ekiben.${stream}",` +
    `"service.name":${JSON.stringify(options.service)}${version},"process.pid":${process.pid}`;
  const common = {
    access: tail("access"),
    prediction: tail("prediction"),
    feedback: tail("feedback"),
  };

  let lastTime = Number.NaN;
  let stamp = "";
  function printTime(): string {
    const time = options.now();
    if (time !== lastTime) {
      lastTime = time;
      stamp = `{"@timestamp":"${new Date(time).toISOString()}"`;
    }
    return stamp;
  }

  // What most lines say alike is printed once.
  const printTarget = rememberLast((method: string, route: string, target: string): string => {
    const question = target.indexOf("?");
    const path = question === -1 ? target : target.slice(0, question);
    const query = question === -1 ? "" : redactor.query(target.slice(question + 1));
    return (
      `,"http.request.method":${JSON.stringify(method)}` +
      `,"http.route":${JSON.stringify(route)},"url.path":${printShort(path)}` +
      (query === "" ? "" : `,"url.query":${printShort(query)}`)
    );
  });
  const printApi = rememberLast((api: string) => `,"ekiben.api":${JSON.stringify(api)}`);
  // A run that is over says the same to each of its requests.
  const printRun = rememberLast((run: RunSummary) => printAllRuns([run]));

  function printRuns({ items, queueWaitMs, runs }: PredictionFacts): string {
    const text =
      (items === undefined ? "" : `,"ekiben.items":${items}`) +
      (queueWaitMs === undefined ? "" : `,"ekiben.queue.wait_ms":${round(queueWaitMs)}`);
    return text + printOnlyRuns(runs);
  }

  function printOnlyRuns(runs: readonly RunSummary[]): string {
    const [only] = runs;
    if (only === undefined) return "";
    const isOver = runs.length === 1 && only.runMs !== undefined;
    return isOver ? printRun(only) : printAllRuns(runs);
  }

  /** What access and prediction lines tell alike of a request. */
  function printRequest(facts: AccessFacts | PredictionFacts): string {
    const { requestId, method, route, target, status, durationMs, api } = facts;
    return (
      `,"http.request.id":${JSON.stringify(requestId)}${printTarget(method, route, target)}` +
      `,"http.response.status_code":${status},"event.duration":${Math.round(durationMs * 1e6)}` +
      (api === undefined ? "" : printApi(api)) +
      (facts.trace === undefined ? "" : printFields(facts.trace))
    );
  }

  function printAccess(facts: AccessFacts): string {
    const { bytesIn, bytesOut, address, userAgent, broke } = facts;
    return (
      printTime() +
      common.access +
      printRequest(facts) +
      (broke === undefined ? "" : `,"event.outcome":"failure","error.code":"${broke}"`) +
      (bytesIn === undefined ? "" : `,"http.request.body.bytes":${bytesIn}`) +
      (bytesOut === undefined ? "" : `,"http.response.body.bytes":${bytesOut}`) +
      (address === undefined ? "" : `,"client.address":${JSON.stringify(address)}`) +
      (userAgent === undefined ? "" : `,"user_agent.original":${printShort(userAgent)}`) +
      "}"
    );
  }

  function printPrediction(facts: PredictionFacts): Line {
    return printPieces(facts) ?? printWhole(facts);
  }

  // What most lines have alike, as bytes.
  const time = rememberLast((begin: string) =>
    Buffer.from(`${begin}${common.prediction},"http.request.id":"`),
  );
  const request = rememberLast((target: string, status: number) =>
    Buffer.from(`"${target},"http.response.status_code":${status},"event.duration":`),
  );
  const count = rememberLast((api: string, items: number | undefined, hasWaited: boolean) =>
    Buffer.from(
      printApi(api) +
        (items === undefined ? "" : `,"ekiben.items":${items}`) +
        (hasWaited ? ',"ekiben.queue.wait_ms":' : ""),
    ),
  );
  const run = rememberLast((text: string, mediaType: string) =>
    Buffer.from(
      `${text},"ekiben.input.media_type":${JSON.stringify(mediaType)},"ekiben.input.bytes":`,
    ),
  );
  const output = rememberLast((mediaType: string) =>
    Buffer.from(`","ekiben.output.media_type":${JSON.stringify(mediaType)},"ekiben.output.bytes":`),
  );

  /**
   * The line of a prediction that has neither headers, parameters nor a trace, and whose bodies stand
   * in it as they came, of pieces that are known; `undefined` for another. It is the same as that of
   * `printWhole`, in half of its time.
   */
  function printPieces(facts: PredictionFacts): Uint8Array | undefined {
    const { requestId, input, output: sent, queueWaitMs, runs, params } = facts;
    const bytes = input?.bytes;
    const text = sent.bytes;
    if (redactor.active || options.headers.length > 0 || facts.trace !== undefined)
      return undefined;
    if (!(bytes instanceof Uint8Array) || typeof text !== "string") return undefined;
    if (input!.total !== undefined || sent.total !== undefined || toParamsText(params) !== "") {
      return undefined;
    }
    const letters = bytes.byteLength + text.length + requestId.length;
    const most = Math.min(maxRecordBytes, LineBytes.most);
    if (letters * MOST_ESCAPED > most || !isUtf8(bytes)) return undefined;
    const begin = printTime();
    const pieces = [
      time(begin),
      request(printTarget(facts.method, facts.route, facts.target), facts.status),
      count(facts.api, facts.items, queueWaitMs !== undefined),
      run(printOnlyRuns(runs), input!.mediaType),
      output(sent.mediaType),
    ] as const;
    const line = bytesOfLines;
    let size = letters * MOST_ESCAPED + MOST_NUMBERS;
    for (const piece of pieces) size += piece.byteLength;
    if (size > most) return undefined;
    line.begin(size);
    line.addBytes(pieces[0]);
    line.addEscapedText(requestId);
    line.addBytes(pieces[1]);
    line.addNumber(Math.round(facts.durationMs * 1e6));
    line.addBytes(pieces[2]);
    if (queueWaitMs !== undefined) line.addThousandths(Math.round(queueWaitMs * 1000));
    line.addBytes(pieces[3]);
    line.addNumber(bytes.byteLength);
    line.addBytes(INPUT_BODY);
    line.addEscaped(bytes);
    line.addBytes(pieces[4]);
    line.addNumber(Buffer.byteLength(text));
    line.addBytes(OUTPUT_BODY);
    line.addEscapedText(text);
    line.addBytes(END);
    return line.take();
  }

  function printWhole(facts: PredictionFacts): Line {
    let head = printTime() + common.prediction + printRequest(facts);
    for (const name of options.headers) {
      const value = facts.headers.get(name);
      if (value === null) continue;
      head += `,${JSON.stringify(`http.request.headers.${name}`)}:${printShort(redactor.header(name, value))}`;
    }
    head += printParams(facts.params) + printRuns(facts);
    const bytes = facts.input?.bytes;
    if (bytes instanceof Uint8Array && facts.input!.total === undefined) {
      const line = printBytes(head, bytes, facts);
      if (line !== undefined) return line;
    }
    const input = facts.input && toLoggedBody(facts.input, redactor, facts.rows);
    const output = toLoggedBody(facts.output, redactor, facts.rows);
    const whole = `${head}${printBodies(input, output)}}`;
    if (isWithin(whole, maxRecordBytes)) return whole;
    return shorten(head, input, output);
  }

  const bytesOfLines = new LineBytes();

  /** The line of an input that stands in it as it came, which most do; `undefined` for another. */
  function printBytes(head: string, input: Uint8Array, facts: PredictionFacts): Line | undefined {
    const most = Math.min(maxRecordBytes, LineBytes.most);
    // Before anything is read of a body that is too large.
    if (redactor.active || input.byteLength * MOST_ESCAPED > most || !isUtf8(input))
      return undefined;
    const output = toLoggedBody(facts.output, redactor, facts.rows);
    const { mediaType } = facts.input!;
    const before =
      `${head},"ekiben.input.media_type":${JSON.stringify(mediaType)}` +
      `,"ekiben.input.bytes":${input.byteLength},"ekiben.input.body":"`;
    const after = `"${printBodies(undefined, output)}}`;
    const bytes = input.byteLength * MOST_ESCAPED + 3 * (before.length + after.length);
    if (bytes > most) return undefined;
    bytesOfLines.begin(bytes);
    bytesOfLines.add(before);
    bytesOfLines.addEscaped(input);
    bytesOfLines.add(after);
    return bytesOfLines.take();
  }

  /** The bodies share what the line may still have; what one does not need, the other gets. */
  function shorten(head: string, input: LoggedBody | undefined, output: LoggedBody): string {
    let most = Math.max(0, maxRecordBytes - Buffer.byteLength(head) - MOST_TEXT);
    for (;;) {
      const lengthOf = (body?: LoggedBody) => (body?.text ?? body?.base64 ?? "").length;
      const forOutput = Math.max(Math.floor(most / 2), most - lengthOf(input));
      const cutOutput = cutBody(output, forOutput);
      const cutInput = input && cutBody(input, most - Math.min(lengthOf(output), forOutput));
      const line = `${head}${printBodies(cutInput, cutOutput)}}`;
      if (most === 0 || isWithin(line, maxRecordBytes)) return line;
      // Escapes and letters of several bytes take more than was counted.
      const factor = maxRecordBytes / Buffer.byteLength(line);
      most = most < 64 ? 0 : Math.floor(most * Math.min(0.9, factor));
    }
  }

  function printParams(params: PredictionFacts["params"]): string {
    const all = toParamsText(params);
    if (all === "") return "";
    const { text } = redactor.body(all, JSON_TYPE, false);
    return text === undefined ? "" : `,"ekiben.params":${printShort(text)}`;
  }

  function printFeedback({ requestId, ownId, trace, fields }: FeedbackFacts): string {
    const head =
      printTime() +
      common.feedback +
      `,"http.request.id":${JSON.stringify(requestId)},"ekiben.feedback.id":${JSON.stringify(ownId)}` +
      (trace === undefined ? "" : printFields(trace));
    const text = JSON.stringify(fields);
    const body = toLoggedBody({ bytes: text, mediaType: JSON_TYPE }, redactor, false);
    const print = (one: LoggedBody): string =>
      `${head}${one.text === undefined ? "" : `,"ekiben.feedback.body":${JSON.stringify(one.text)}`}${printChange("ekiben.feedback", one)}}`;
    let most = maxRecordBytes - MOST_TEXT;
    let line = print(body);
    while (!isWithin(line, maxRecordBytes) && most > 0) {
      line = print(cutBody(body, most));
      most = most < 64 ? 0 : Math.floor(most / 2);
    }
    return line;
  }

  return { access: printAccess, prediction: printPrediction, feedback: printFeedback };
}

const INPUT_BODY = Buffer.from(',"ekiben.input.body":"');
const OUTPUT_BODY = Buffer.from(',"ekiben.output.body":"');
const END = Buffer.from('"}');
/** Bytes of the numbers of a line and of what stands between its pieces, at most. */
const MOST_NUMBERS = 256;

const JSON_TYPE = "application/json";

/** Parameters as JSON; empty where there are none. */
export function toParamsText(params: PredictionFacts["params"]): string {
  if (typeof params === "string") return params;
  for (const name in params) {
    void name;
    return JSON.stringify(params);
  }
  return "";
}

function printFields(fields: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(fields).slice(1, -1);
  return text === "" ? "" : `,${text}`;
}

function isWithin(line: string, bytes: number): boolean {
  // A character has at most three bytes in UTF-8 for each unit of UTF-16.
  return line.length * 3 <= bytes || Buffer.byteLength(line) <= bytes;
}

/** What a function answered last, for as long as it is asked for the same. */
function rememberLast<Asked extends readonly unknown[], Answer>(
  answer: (...asked: Asked) => Answer,
): (...asked: Asked) => Answer {
  let known: Asked | undefined;
  let last: Answer;
  return (...asked) => {
    if (known !== undefined) {
      let at = 0;
      while (at < asked.length && asked[at] === known[at]) at++;
      if (at === asked.length) return last;
    }
    last = answer(...asked);
    known = asked;
    return last;
  };
}

/** A request may be in several runs: their times add up, its batch is the last, which answered it. */
function printAllRuns(runs: readonly RunSummary[]): string {
  const last = runs.at(-1)!;
  let runMs = 0;
  let modelMs = 0;
  let models = 0;
  for (const run of runs) {
    runMs += run.runMs ?? 0;
    for (const model of run.models) {
      modelMs += model.ms;
      models++;
    }
  }
  const text =
    `,"ekiben.batch.id":${JSON.stringify(last.id)},"ekiben.batch.requests":${last.requests}` +
    `,"ekiben.batch.items":${last.items},"ekiben.batch.reason":"${last.reason}"` +
    `,"ekiben.run.count":${runs.length},"ekiben.run.ms":${round(runMs)}`;
  return models === 0 ? text : `${text},"ekiben.model.ms":${round(modelMs)}`;
}

function printBodies(input: LoggedBody | undefined, output: LoggedBody): string {
  return (
    (input === undefined ? "" : printBody("ekiben.input", input)) +
    printBody("ekiben.output", output) +
    (input === undefined ? "" : printChange("ekiben.input", input)) +
    printChange("ekiben.output", output)
  );
}

/**
 * A body is one text, JSON too: as an object each of its keys would be a field of the index, of
 * another type for each API, and a shipper that reads and writes it again would change its numbers.
 */
function printBody(name: string, { mediaType, total, text, base64 }: LoggedBody): string {
  return (
    `,"${name}.media_type":${JSON.stringify(mediaType)},"${name}.bytes":${total}` +
    (text === undefined ? "" : `,"${name}.body":${JSON.stringify(text)}`) +
    (base64 === undefined ? "" : `,"${name}.base64":"${base64}"`)
  );
}

function printChange(name: string, { change }: LoggedBody): string {
  return change === undefined ? "" : `,"${name}.change":"${change}"`;
}

function printShort(text: string): string {
  return JSON.stringify(text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text);
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
