import type { Line, LogStream } from "../lines/line-sink.js";
import type { Body } from "../records/logged-body.js";
import { toParamsText } from "../records/print-record.js";
import type { AccessFacts, PredictionFacts, RunSummary, TraceFields } from "../records/record.js";
import type { Block } from "./block.js";
import * as packed from "./packed-record.js";

/** Bytes that a record has beside its texts and bodies, at most. */
const MOST_NUMBERS = 256;
/** Bytes that a unit of a text takes in UTF-8, at most. */
const MOST_UTF8 = 3;
/** Shorter texts are written faster letter by letter. */
const SHORT = 12;

/** What the record before has told. */
interface Told {
  method: string | undefined;
  route: string | undefined;
  target: string | undefined;
  api: string | undefined;
  inputType: string | undefined;
  outputType: string | undefined;
  run: RunSummary | undefined;
  address: string | undefined;
  agent: string | undefined;
}

/**
 * Writes what lines are made of into blocks, as plain bytes: whatever belongs to a request is let go
 * of at once, and needs no memory that is collected later.
 */
export class RecordPacker {
  #block: Block | undefined;
  #at = 0;
  readonly #told: Told = {
    method: undefined,
    route: undefined,
    target: undefined,
    api: undefined,
    inputType: undefined,
    outputType: undefined,
    run: undefined,
    address: undefined,
    agent: undefined,
  };

  /** Only these headers are written, as only these get into lines. */
  constructor(private readonly headers: readonly string[]) {}

  /** Bytes that a prediction takes, at most. */
  static sizeOf(facts: PredictionFacts, { trace, headers, params }: MoreText): number {
    const { requestId, api, method, route, target, input, output, runs } = facts;
    let letters = requestId.length + api.length + method.length + route.length + target.length;
    letters += output.mediaType.length + (input?.mediaType.length ?? 0);
    letters += trace.length + headers.length + params.length;
    let bytes = MOST_NUMBERS + sizeOfBody(output) + sizeOfBody(input);
    for (const run of runs) {
      letters += run.id.length + run.reason.length;
      bytes += 64 + 8 * run.models.length;
    }
    return bytes + MOST_UTF8 * letters;
  }

  prediction(block: Block, facts: PredictionFacts, time: number, more: MoreText): void {
    const told = this.#begin(block);
    const { method, route, target, api, input, output, runs } = facts;
    let flags = packed.PREDICTION | packed.HAS_API;
    if (method === told.method) flags |= packed.SAME_METHOD;
    if (route === told.route) flags |= packed.SAME_ROUTE;
    if (target === told.target) flags |= packed.SAME_TARGET;
    if (api === told.api) flags |= packed.SAME_API;
    if (more.trace !== "") flags |= packed.HAS_TRACE;
    if (more.headers !== "") flags |= packed.HAS_HEADERS;
    if (more.params !== "") flags |= packed.HAS_PARAMS;
    if (facts.items !== undefined) flags |= packed.HAS_ITEMS;
    if (facts.queueWaitMs !== undefined) flags |= packed.HAS_WAIT;
    if (facts.rows) flags |= packed.IS_ROWS;
    if (input !== undefined) {
      flags |= packed.HAS_INPUT;
      if (input.mediaType === told.inputType) flags |= packed.SAME_INPUT_TYPE;
      if (typeof input.bytes === "string") flags |= packed.HAS_INPUT_TEXT;
      else if (input.bytes !== undefined) flags |= packed.HAS_INPUT_BYTES;
      if (input.total !== undefined) flags |= packed.HAS_INPUT_TOTAL;
    }
    if (output.mediaType === told.outputType) flags |= packed.SAME_OUTPUT_TYPE;
    if (typeof output.bytes === "string") flags |= packed.HAS_OUTPUT_TEXT;
    else if (output.bytes !== undefined) flags |= packed.HAS_OUTPUT_BYTES;
    if (output.total !== undefined) flags |= packed.HAS_OUTPUT_TOTAL;
    // A run that is over says the same to each of its requests.
    const run = runs.length === 1 && runs[0]!.runMs !== undefined ? runs[0] : undefined;
    if (run !== undefined && run === told.run) flags |= packed.SAME_RUN;

    this.#float(time);
    this.#float(facts.durationMs);
    if (facts.queueWaitMs !== undefined) this.#float(facts.queueWaitMs);
    if (facts.items !== undefined) this.#float(facts.items);
    if (input?.total !== undefined) this.#float(input.total);
    if (output.total !== undefined) this.#float(output.total);
    this.#int(facts.status);
    if ((flags & packed.SAME_RUN) === 0) this.#runs(runs);
    this.#text(facts.requestId);
    if ((flags & packed.SAME_METHOD) === 0) this.#text((told.method = method));
    if ((flags & packed.SAME_ROUTE) === 0) this.#text((told.route = route));
    if ((flags & packed.SAME_TARGET) === 0) this.#text((told.target = target));
    if ((flags & packed.SAME_API) === 0) this.#text((told.api = api));
    if (more.trace !== "") this.#text(more.trace);
    if (more.headers !== "") this.#text(more.headers);
    if (more.params !== "") this.#text(more.params);
    if (input !== undefined) {
      if ((flags & packed.SAME_INPUT_TYPE) === 0) this.#text((told.inputType = input.mediaType));
      this.#body(input);
    }
    if ((flags & packed.SAME_OUTPUT_TYPE) === 0) this.#text((told.outputType = output.mediaType));
    this.#body(output);
    told.run = run;
    this.#end(block, flags);
  }

  /** Texts of a prediction that most have not: as JSON, or empty. */
  more({ trace, headers, params }: PredictionFacts): MoreText {
    const paramsText = toParamsText(params);
    if (trace === undefined && this.headers.length === 0 && paramsText === "") return PLAIN;
    const kept = this.headers.map((name) => headers.get(name));
    return {
      trace: printTrace(trace),
      headers: kept.every((value) => value === null) ? "" : JSON.stringify(kept),
      params: paramsText,
    };
  }

  /** Bytes that an access record takes, at most. */
  static sizeOfAccess(facts: AccessFacts, trace: string): number {
    const { requestId, api = "", method, route, target, address = "", userAgent = "" } = facts;
    const letters =
      requestId.length + api.length + method.length + route.length + target.length + trace.length;
    return MOST_NUMBERS + MOST_UTF8 * (letters + address.length + userAgent.length);
  }

  access(block: Block, facts: AccessFacts, time: number, trace: string): void {
    const told = this.#begin(block);
    const { method, route, target, api, address, userAgent, bytesIn, bytesOut } = facts;
    let flags = packed.ACCESS;
    if (method === told.method) flags |= packed.SAME_METHOD;
    if (route === told.route) flags |= packed.SAME_ROUTE;
    if (target === told.target) flags |= packed.SAME_TARGET;
    if (api !== undefined) flags |= packed.HAS_API | (api === told.api ? packed.SAME_API : 0);
    if (address !== undefined) {
      flags |= packed.HAS_ADDRESS | (address === told.address ? packed.SAME_ADDRESS : 0);
    }
    if (userAgent !== undefined) {
      flags |= packed.HAS_AGENT | (userAgent === told.agent ? packed.SAME_AGENT : 0);
    }
    if (trace !== "") flags |= packed.HAS_TRACE;
    if (bytesIn !== undefined) flags |= packed.HAS_BYTES_IN;
    if (bytesOut !== undefined) flags |= packed.HAS_BYTES_OUT;

    this.#float(time);
    this.#float(facts.durationMs);
    if (bytesIn !== undefined) this.#float(bytesIn);
    if (bytesOut !== undefined) this.#float(bytesOut);
    this.#int(facts.status);
    this.#text(facts.requestId);
    if ((flags & packed.SAME_METHOD) === 0) this.#text((told.method = method));
    if ((flags & packed.SAME_ROUTE) === 0) this.#text((told.route = route));
    if ((flags & packed.SAME_TARGET) === 0) this.#text((told.target = target));
    if (api !== undefined && api !== told.api) this.#text((told.api = api));
    if (address !== undefined && address !== told.address) this.#text((told.address = address));
    if (userAgent !== undefined && userAgent !== told.agent) this.#text((told.agent = userAgent));
    if (trace !== "") this.#text(trace);
    this.#end(block, flags);
  }

  static sizeOfLine(line: Line): number {
    return MOST_NUMBERS + sizeOfBody({ bytes: line, mediaType: "" });
  }

  line(block: Block, stream: LogStream, line: Line): void {
    this.#begin(block);
    this.#text(stream);
    if (typeof line === "string") {
      this.#int(1);
      this.#text(line);
    } else {
      this.#int(0);
      this.#raw(line);
    }
    this.#end(block, packed.PRINTED);
  }

  /** What was told stands in its own block: each is read without the others. */
  #begin(block: Block): Told {
    const told = this.#told;
    if (block !== this.#block || block.isEmpty) {
      this.#block = block;
      told.method = told.route = told.target = told.api = undefined;
      told.inputType = told.outputType = told.address = told.agent = undefined;
      told.run = undefined;
    }
    this.#at = block.end + 8;
    return told;
  }

  #end(block: Block, flags: number): void {
    const begin = block.end;
    const end = (this.#at + 7) & ~7;
    block.ints[begin >> 2] = end - begin;
    block.ints[(begin >> 2) + 1] = flags;
    block.end = end;
  }

  /** All of them stand before what is not of eight bytes. */
  #float(value: number): void {
    this.#block!.floats[this.#at >> 3] = value;
    this.#at += 8;
  }

  #int(value: number): void {
    this.#block!.ints[this.#at >> 2] = value;
    this.#at += 4;
  }

  #text(text: string): void {
    const { bytes } = this.#block!;
    const { length } = text;
    const from = this.#at + 4;
    let form = packed.ASCII;
    let written = 0;
    if (length <= SHORT) {
      let letter = 0;
      while (written < length && (letter = text.charCodeAt(written)) < 0x80) {
        bytes[from + written++] = letter;
      }
    }
    if (written < length) {
      written = bytes.write(text, from);
      if (written !== length) {
        form = packed.UTF8;
        if (bytes.toString("utf8", from, from + written) !== text) {
          form = packed.UTF16;
          written = bytes.write(text, from, "utf16le");
        }
      }
    }
    this.#block!.ints[this.#at >> 2] = (written << packed.FORM_BITS) | form;
    this.#at = (from + written + 3) & ~3;
  }

  #raw(given: Uint8Array): void {
    const { bytes, ints } = this.#block!;
    const from = this.#at + 4;
    ints[this.#at >> 2] = given.byteLength;
    bytes.set(given, from);
    this.#at = (from + given.byteLength + 3) & ~3;
  }

  #body({ bytes }: Body): void {
    if (bytes === undefined) return;
    if (typeof bytes === "string") this.#text(bytes);
    else this.#raw(bytes);
  }

  #runs(runs: readonly RunSummary[]): void {
    this.#int(runs.length);
    for (const { id, requests, items, reason, runMs, models } of runs) {
      this.#text(id);
      this.#text(reason);
      this.#int(requests);
      this.#int(items);
      this.#int(models.length);
      this.#int(runMs === undefined ? 0 : 1);
      this.#at = (this.#at + 7) & ~7;
      if (runMs !== undefined) this.#float(runMs);
      for (const { ms } of models) this.#float(ms);
    }
  }
}

/** What few predictions have, as JSON; empty where there is none. */
export interface MoreText {
  readonly trace: string;
  readonly headers: string;
  readonly params: string;
}

const PLAIN: MoreText = { trace: "", headers: "", params: "" };

export function printTrace(trace: TraceFields | undefined): string {
  return trace === undefined ? "" : JSON.stringify(trace);
}

function sizeOfBody(body: Body | undefined): number {
  const bytes = body?.bytes;
  if (bytes === undefined) return 0;
  return typeof bytes === "string" ? MOST_UTF8 * bytes.length : bytes.byteLength;
}
