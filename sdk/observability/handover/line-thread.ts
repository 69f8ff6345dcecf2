import { Worker } from "node:worker_threads";
import {
  DropTally,
  joinDropped,
  LOG_STREAMS,
  type DroppedLines,
  type Line,
  type LogStream,
} from "../lines/line-sink.js";
import type { Log } from "../log.js";
import { createRecordPrinter, type RecordPrinter } from "../records/print-record.js";
import type { AccessFacts, PredictionFacts } from "../records/record.js";
import { createRedactor } from "../records/redact.js";
import { BlockQueue } from "./block-queue.js";
import type { FromThread, PrintPlan, ThreadData, ThreadTarget, ToThread } from "./messages.js";
import { printTrace, RecordPacker } from "./pack-record.js";
import { ThreadCounts } from "./thread-counts.js";

export interface LineThreadOptions {
  readonly print: PrintPlan;
  readonly target: ThreadTarget;
  /** The compiled program of the thread. */
  readonly entry: string;
  /** Bytes that may wait for the thread. */
  readonly maxBufferBytes: number;
  /** Milliseconds for which records are gathered before the thread is woken. @default 20 */
  readonly gatherMs?: number;
  /** For what becomes of the thread. */
  readonly log: Log;
  /** Lines of a stream cannot be written for now (an error), or can again (`undefined`). */
  onTrouble?(stream: LogStream, error: Error | undefined): void;
  /** A file could not be renamed, deleted or packed; lines are written all the same. */
  onFault?(stream: LogStream, error: unknown): void;
  /** Milliseconds since 1970. */
  now?(): number;
  start?(entry: string, data: ThreadData): Worker;
}

/** Has records printed and written by a thread, which is started with the first of them. */
export interface LineThread {
  access(facts: AccessFacts): void;
  prediction(facts: PredictionFacts): void;
  /** The lines that were lost on the way, and by the thread. */
  dropped(): readonly DroppedLines[];
  /** Resolves when what was taken before is where it belongs, or cannot get there for now. */
  flush(): Promise<void>;
  /** Has written what can be written, ends the thread and takes no more. */
  close(): Promise<void>;
}

const GATHER_MS = 20;
/** Whatever takes no more is handed over, also where lines are to be shorter. */
const LEAST_HANDED_BYTES = 64 * 1024;
/** Milliseconds after which a thread that ended is replaced; twice as many each further time. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;
/** So many threads may end, one after the other, while somebody waits for what they were to write. */
const MOST_ENDED = 3;

export function createLineThread(options: LineThreadOptions): LineThread {
  return new WorkerLineThread(options);
}

class WorkerLineThread implements LineThread {
  readonly #packer: RecordPacker;
  readonly #blocks: BlockQueue;
  readonly #counts = new ThreadCounts();
  /** What is lost on this side. */
  readonly #tally = new DropTally();
  readonly #put = new Map<LogStream, number>();
  readonly #mostBytes: number;
  readonly #gatherMs: number;
  readonly #now: () => number;
  #printer: RecordPrinter | undefined;
  #timer: NodeJS.Timeout | undefined;
  #worker: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #isReplacement = false;
  /** Threads that have ended since somebody began to wait. */
  #ended = 0;
  #failure: unknown;
  #pauseMs = FIRST_PAUSE_MS;
  /** Who waits for a flush, by its number. */
  readonly #waiting = new Map<number, () => void>();
  #asked = 0;
  #closing: Promise<void> | undefined;
  #onClosed: (() => void) | undefined;

  constructor(private readonly options: LineThreadOptions) {
    const { print, maxBufferBytes } = options;
    this.#packer = new RecordPacker(print.headers);
    this.#blocks = new BlockQueue(maxBufferBytes, ({ memory }) =>
      this.#send({ kind: "block", memory }),
    );
    const mostBytes = Math.max(print.maxRecordBytes, LEAST_HANDED_BYTES);
    this.#mostBytes = Math.min(mostBytes, maxBufferBytes / 2);
    this.#gatherMs = options.gatherMs ?? GATHER_MS;
    this.#now = options.now ?? Date.now;
  }

  prediction(facts: PredictionFacts): void {
    const packer = this.#packer;
    const more = packer.more(facts);
    const bytes = RecordPacker.sizeOf(facts, more);
    // A large body is cut before it is handed over: the line is smaller.
    if (bytes > this.#mostBytes) return this.#line("prediction", this.#print().prediction(facts));
    const block = this.#reserve("prediction", bytes);
    if (block !== undefined) packer.prediction(block, facts, this.#now(), more);
  }

  access(facts: AccessFacts): void {
    const trace = printTrace(facts.trace);
    const bytes = RecordPacker.sizeOfAccess(facts, trace);
    // A stream that broke is too rare for a flag of its own.
    if (bytes > this.#mostBytes || facts.broke !== undefined) {
      return this.#line("access", this.#print().access(facts));
    }
    const block = this.#reserve("access", bytes);
    if (block !== undefined) this.#packer.access(block, facts, this.#now(), trace);
  }

  #line(stream: LogStream, line: Line): void {
    const bytes = Buffer.from(line as string);
    const block = this.#reserve(stream, RecordPacker.sizeOfLine(bytes));
    if (block !== undefined) this.#packer.line(block, stream, bytes);
  }

  #print(): RecordPrinter {
    const { print } = this.options;
    return (this.#printer ??= createRecordPrinter({
      ...print,
      redactor: createRedactor(print.redact),
      now: this.#now,
    }));
  }

  #reserve(stream: LogStream, bytes: number) {
    if (this.#closing !== undefined) return void this.#tally.add(stream, "closed");
    const block = this.#blocks.reserve(bytes);
    if (block === undefined) return void this.#tally.add(stream, "buffer-full");
    this.#put.set(stream, (this.#put.get(stream) ?? 0) + 1);
    this.#timer ??= setTimeout(this.#tick, this.#gatherMs).unref();
    return block;
  }

  /** A thread that is busy gets the next block when it is full: one that is not wastes no room. */
  readonly #tick = (): void => {
    this.#timer = undefined;
    if (this.#blocks.isEmpty) return;
    if (this.#blocks.isRead) this.#blocks.hand();
    else this.#timer = setTimeout(this.#tick, this.#gatherMs).unref();
  };

  dropped(): readonly DroppedLines[] {
    return joinDropped([this.#tally.list(), this.#counts.tally.list()]);
  }

  flush(): Promise<void> {
    this.#blocks.hand();
    if (this.#worker === undefined && this.#blocks.isRead) return Promise.resolve();
    return new Promise((resolve) => {
      const id = ++this.#asked;
      this.#waiting.set(id, resolve);
      this.#hurry();
      this.#send({ kind: "flush", id });
    });
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  #close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#blocks.hand();
    if (this.#worker === undefined && this.#blocks.isRead) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onClosed = resolve;
      this.#hurry();
      this.#send({ kind: "close" });
    });
  }

  /** Somebody waits: the process goes on until the thread has answered. */
  #hurry(): void {
    clearTimeout(this.#restart);
    this.#restart = undefined;
    this.#ended = 0;
    this.#worker?.ref();
  }

  /** Sends to the thread, or starts the one that gets all that waits. */
  #send(message: ToThread): void {
    if (this.#worker !== undefined) this.#worker.postMessage(message, []);
    else if (this.#restart === undefined) this.#start();
  }

  #start(): void {
    const { print, target, entry, start = startWorker } = this.options;
    const data: ThreadData = {
      print,
      target,
      counts: this.#counts.memory,
      isReplacement: this.#isReplacement,
    };
    this.#isReplacement = true;
    this.#startedAt = performance.now();
    this.#failure = undefined;
    let worker: Worker;
    try {
      worker = start(entry, data);
    } catch (error) {
      this.#failure = error;
      this.#end(1);
      return;
    }
    this.#worker = worker;
    worker.on("message", (message: FromThread) => this.#take(message));
    worker.on("error", (error) => (this.#failure = error));
    worker.once("exit", (code) => this.#end(code));
    this.#blocks.handAgain();
    for (const id of this.#waiting.keys()) this.#send({ kind: "flush", id });
    if (this.#onClosed !== undefined) this.#send({ kind: "close" });
    if (!this.#isAwaited) worker.unref();
  }

  get #isAwaited(): boolean {
    return this.#waiting.size > 0 || this.#onClosed !== undefined;
  }

  #take(message: FromThread): void {
    switch (message.kind) {
      case "flushed":
        this.#waiting.get(message.id)?.();
        this.#waiting.delete(message.id);
        if (!this.#isAwaited) this.#worker?.unref();
        break;
      case "closed":
        this.#answerAll();
        break;
      case "trouble":
        this.options.onTrouble?.(message.stream, message.error);
        break;
      case "fault":
        this.options.onFault?.(message.stream, message.error);
        break;
      case "unprinted": {
        const { requestId, error } = message;
        this.options.log.error("a request could not be written down", { requestId, error });
        break;
      }
    }
  }

  #answerAll(): void {
    for (const resolve of this.#waiting.values()) resolve();
    this.#waiting.clear();
    this.#onClosed?.();
    this.#onClosed = undefined;
  }

  /** The thread has ended, as it was asked to or by itself. */
  #end(code: number): void {
    this.#worker = undefined;
    if (this.#closing !== undefined && this.#onClosed === undefined) return;
    this.#ended++;
    let lost = 0;
    for (const stream of LOG_STREAMS) {
      const count = this.#counts.underWay(stream);
      if (count === 0) continue;
      lost += count;
      this.#counts.tally.add(stream, "thread-ended", count);
    }
    if (performance.now() - this.#startedAt > LONGEST_PAUSE_MS) this.#pauseMs = FIRST_PAUSE_MS;
    const pause = this.#isAwaited ? 0 : this.#pauseMs;
    const error = this.#failure ?? new Error(`it ended with exit code ${code}`);
    const message = "the thread that writes the lines about requests has ended";
    this.options.log.error(message, { error, lost, replacedAfterMs: pause });
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    if (this.#isAwaited && this.#ended >= MOST_ENDED) return this.#giveUp();
    const restart = (): void => {
      this.#restart = undefined;
      if (this.#worker === undefined) this.#start();
    };
    this.#restart = setTimeout(restart, pause);
    if (!this.#isAwaited) this.#restart.unref();
  }

  /** Nobody waits for ever for threads that end one after the other. */
  #giveUp(): void {
    for (const [stream, put] of this.#put) {
      const left = put - this.#counts.taken(stream);
      if (left > 0) this.#tally.add(stream, "thread-ended", left);
      this.#put.set(stream, put - left);
    }
    this.#blocks.clear();
    this.#answerAll();
  }
}

function startWorker(entry: string, data: ThreadData): Worker {
  return new Worker(entry, {
    workerData: data,
    name: "ekiben log",
    // Flags of the main program are for it: some, such as --input-type, stop a worker.
    execArgv: [],
  });
}
