import type { LogStream } from "../lines/line-sink.js";
import type { Body } from "../records/logged-body.js";
import type { AccessFacts, PredictionFacts, RunSummary, TraceFields } from "../records/record.js";
import type { Block } from "./block.js";
import * as packed from "./packed-record.js";

/** All fields are said, also those that are not there: one that is new must not be forgotten. */
type Whole<Facts> = { [Name in keyof Required<Facts>]: Facts[Name] };

/** Takes the records of a block. What they hold of the block is of use until they return. */
export interface RecordTaker {
  prediction(facts: PredictionFacts, time: number): void;
  access(facts: AccessFacts, time: number): void;
  line(stream: LogStream, line: string | Uint8Array): void;
}

/** Reads the records of blocks, each as it was packed. */
export class RecordUnpacker {
  #block!: Block;
  #at = 0;
  #method = "";
  #route = "";
  #target = "";
  #api = "";
  #inputType = "";
  #outputType = "";
  #address = "";
  #agent = "";
  #runs: readonly RunSummary[] = [];

  #taker: RecordTaker = NOBODY;

  /** `headers` are those that were packed. */
  constructor(private readonly headers: readonly string[]) {}

  /** The stream of the record at a place in a block. */
  streamOf(block: Block, at: number): LogStream {
    const kind = block.ints[(at >> 2) + 1]! & packed.KIND;
    if (kind !== packed.PRINTED) return kind === packed.PREDICTION ? "prediction" : "access";
    this.#block = block;
    this.#at = at + 8;
    return this.#text() as LogStream;
  }

  /**
   * Reads the record at a place. All before it in its block must have been read, since a record says
   * only what is not as in the one before; whoever has no use for them leaves the taker out.
   */
  read(block: Block, at: number, taker: RecordTaker = NOBODY): void {
    this.#block = block;
    this.#taker = taker;
    const flags = block.ints[(at >> 2) + 1]!;
    this.#at = at + 8;
    const kind = flags & packed.KIND;
    if (kind === packed.PREDICTION) this.#prediction(flags);
    else if (kind === packed.ACCESS) this.#access(flags);
    else {
      const stream = this.#text() as LogStream;
      this.#taker.line(stream, this.#int() === 1 ? this.#text() : this.#raw());
    }
  }

  #prediction(flags: number): void {
    const time = this.#float();
    const durationMs = this.#float();
    const queueWaitMs = flags & packed.HAS_WAIT ? this.#float() : undefined;
    const items = flags & packed.HAS_ITEMS ? this.#float() : undefined;
    const totalIn = flags & packed.HAS_INPUT_TOTAL ? this.#float() : undefined;
    const totalOut = flags & packed.HAS_OUTPUT_TOTAL ? this.#float() : undefined;
    const status = this.#int();
    if ((flags & packed.SAME_RUN) === 0) this.#runs = this.#readRuns();
    const requestId = this.#text();
    this.#readAlike(flags);
    const trace = flags & packed.HAS_TRACE ? (JSON.parse(this.#text()) as TraceFields) : undefined;
    const values =
      flags & packed.HAS_HEADERS ? (JSON.parse(this.#text()) as (string | null)[]) : undefined;
    const params = flags & packed.HAS_PARAMS ? this.#text() : "";
    let input: Body | undefined;
    if (flags & packed.HAS_INPUT) {
      if ((flags & packed.SAME_INPUT_TYPE) === 0) this.#inputType = this.#text();
      input = {
        bytes: this.#body(flags, packed.HAS_INPUT_TEXT, packed.HAS_INPUT_BYTES),
        mediaType: this.#inputType,
        total: totalIn,
      } as Body;
    }
    if ((flags & packed.SAME_OUTPUT_TYPE) === 0) this.#outputType = this.#text();
    const output = {
      bytes: this.#body(flags, packed.HAS_OUTPUT_TEXT, packed.HAS_OUTPUT_BYTES),
      mediaType: this.#outputType,
      total: totalOut,
    } as Body;
    this.#taker.prediction(
      {
        requestId,
        api: this.#api,
        method: this.#method,
        route: this.#route,
        target: this.#target,
        status,
        durationMs,
        trace,
        headers: values === undefined ? NO_HEADERS : new KeptHeaders(this.headers, values),
        params,
        input,
        output,
        rows: (flags & packed.IS_ROWS) !== 0,
        items,
        queueWaitMs,
        runs: this.#runs,
      } satisfies Whole<PredictionFacts>,
      time,
    );
  }

  #access(flags: number): void {
    const time = this.#float();
    const durationMs = this.#float();
    const bytesIn = flags & packed.HAS_BYTES_IN ? this.#float() : undefined;
    const bytesOut = flags & packed.HAS_BYTES_OUT ? this.#float() : undefined;
    const status = this.#int();
    const requestId = this.#text();
    this.#readAlike(flags);
    if (flags & packed.HAS_ADDRESS && !(flags & packed.SAME_ADDRESS)) this.#address = this.#text();
    if (flags & packed.HAS_AGENT && !(flags & packed.SAME_AGENT)) this.#agent = this.#text();
    const trace = flags & packed.HAS_TRACE ? (JSON.parse(this.#text()) as TraceFields) : undefined;
    this.#taker.access(
      {
        requestId,
        api: flags & packed.HAS_API ? this.#api : undefined,
        method: this.#method,
        route: this.#route,
        target: this.#target,
        status,
        durationMs,
        bytesIn,
        bytesOut,
        address: flags & packed.HAS_ADDRESS ? this.#address : undefined,
        userAgent: flags & packed.HAS_AGENT ? this.#agent : undefined,
        trace,
        // Its line comes printed.
        broke: undefined,
      } satisfies Whole<AccessFacts>,
      time,
    );
  }

  #readAlike(flags: number): void {
    if ((flags & packed.SAME_METHOD) === 0) this.#method = this.#text();
    if ((flags & packed.SAME_ROUTE) === 0) this.#route = this.#text();
    if ((flags & packed.SAME_TARGET) === 0) this.#target = this.#text();
    if (flags & packed.HAS_API && !(flags & packed.SAME_API)) this.#api = this.#text();
  }

  #float(): number {
    const value = this.#block.floats[this.#at >> 3]!;
    this.#at += 8;
    return value;
  }

  #int(): number {
    const value = this.#block.ints[this.#at >> 2]!;
    this.#at += 4;
    return value;
  }

  #text(): string {
    const head = this.#int();
    const from = this.#at;
    const end = from + (head >> packed.FORM_BITS);
    this.#at = (end + 3) & ~3;
    const { bytes } = this.#block;
    switch (head & ((1 << packed.FORM_BITS) - 1)) {
      case packed.ASCII:
        return bytes.toString("latin1", from, end);
      case packed.UTF8:
        return bytes.toString("utf8", from, end);
      default:
        return bytes.toString("utf16le", from, end);
    }
  }

  #raw(): Uint8Array {
    const length = this.#int();
    const from = this.#at;
    this.#at = (from + length + 3) & ~3;
    return this.#block.bytes.subarray(from, from + length);
  }

  #body(flags: number, isText: number, isBytes: number): string | Uint8Array | undefined {
    if (flags & isText) return this.#text();
    return flags & isBytes ? this.#raw() : undefined;
  }

  #readRuns(): readonly RunSummary[] {
    const count = this.#int();
    const runs: RunSummary[] = [];
    for (let at = 0; at < count; at++) {
      const id = this.#text();
      const reason = this.#text();
      const requests = this.#int();
      const items = this.#int();
      const modelCount = this.#int();
      const isOver = this.#int() === 1;
      this.#at = (this.#at + 7) & ~7;
      const runMs = isOver ? this.#float() : undefined;
      const models = Array.from({ length: modelCount }, () => ({ name: "", ms: this.#float() }));
      runs.push({ id, requests, items, reason, runMs, models });
    }
    return runs;
  }
}

const NOBODY: RecordTaker = { prediction() {}, access() {}, line() {} };
const NO_HEADERS = { get: () => null };

class KeptHeaders {
  constructor(
    private readonly names: readonly string[],
    private readonly values: readonly (string | null)[],
  ) {}

  get(name: string): string | null {
    return this.values[this.names.indexOf(name)] ?? null;
  }
}
