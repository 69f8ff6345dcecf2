/** The program of the thread that prints and writes the lines about requests. */
import { parentPort, workerData } from "node:worker_threads";
import { CANCEL, letterOf } from "../lines/line-pipe.js";
import type { Line, LineSink, LogStream } from "../lines/line-sink.js";
import { createRecordPrinter } from "../records/print-record.js";
import type { AccessFacts, PredictionFacts } from "../records/record.js";
import { createRedactor } from "../records/redact.js";
import { Block } from "./block.js";
import type { FromThread, ThreadData, ToThread } from "./messages.js";
import { ThreadCounts } from "./thread-counts.js";
import { RecordUnpacker, type RecordTaker } from "./unpack-record.js";

/** Milliseconds for which lines are gathered; those of a block are together already. */
const GATHER_MS = 20;

const { print, target, counts: memory, isReplacement } = workerData as ThreadData;
const port = parentPort!;
const counts = new ThreadCounts(memory);
let sink: LineSink;
let time = 0;
const printer = createRecordPrinter({
  ...print,
  redactor: createRedactor(print.redact),
  now: () => time,
});
const unpacker = new RecordUnpacker(print.headers);

const taker: RecordTaker = {
  prediction(facts, at) {
    time = at;
    put("prediction", facts, printer.prediction);
  },
  access(facts, at) {
    time = at;
    put("access", facts, printer.access);
  },
  line: (stream, line) =>
    sink.write(stream, typeof line === "string" ? line : Uint8Array.from(line)),
};

function put<Facts extends AccessFacts | PredictionFacts>(
  stream: LogStream,
  facts: Facts,
  toLine: (facts: Facts) => Line,
): void {
  try {
    sink.write(stream, toLine(facts));
  } catch (error) {
    counts.tally.add(stream, "write-failed");
    send({ kind: "unprinted", requestId: facts.requestId, error: toError(error) });
  }
}

// What is sent before waits. An error ends the thread, which is told.
void openSink().then((opened) => {
  sink = opened;
  port.on("message", (message: ToThread) => {
    if (message.kind === "block") readBlock(new Block(message.memory));
    else if (message.kind === "flush") void flush(message.id);
    else void close();
  });
});

function readBlock(block: Block): void {
  let at = block.next;
  // Another thread has read its beginning: what was said there is needed for the rest.
  if (at !== undefined) for (const before of block.before(at)) unpacker.read(block, before);
  for (; at !== undefined; at = block.next) {
    // Counted first: a thread that ends in between has lost one too many, and none in silence.
    counts.take(unpacker.streamOf(block, at));
    block.begin(at);
    unpacker.read(block, at, taker);
  }
  block.giveBack();
}

async function flush(id: number): Promise<void> {
  await sink.flush();
  send({ kind: "flushed", id });
}

async function close(): Promise<void> {
  await sink.close();
  send({ kind: "closed" });
  port.close();
}

async function openSink(): Promise<LineSink> {
  const { maxBufferBytes } = target;
  const shared = {
    maxBufferBytes,
    gatherMs: GATHER_MS,
    tally: counts.tally,
    onWritten: (streams: readonly LogStream[]) => counts.write(streams),
  };
  if (target.kind === "files") {
    const { openFileQueues } = await import("../lines/file-queues.js");
    return openFileQueues({
      ...shared,
      directory: target.directory,
      rotation: target.rotation,
      retention: target.retention,
      onTrouble: (stream, error) =>
        send({ kind: "trouble", stream, error: error && toError(error) }),
      onFault: (stream, error) => send({ kind: "fault", stream, error: toError(error) }),
    });
  }
  const { createStreamWriter } = await import("../lines/stream-writer.js");
  const writer = createStreamWriter({ ...shared, fd: target.fd, letterOf });
  // What the other one has left of a line is no line.
  if (isReplacement) writer.write("application", CANCEL);
  return writer;
}

function send(message: FromThread): void {
  port.postMessage(message);
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
