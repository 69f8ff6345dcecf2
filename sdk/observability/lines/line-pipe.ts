import type { Readable, Writable } from "node:stream";
import { DropTally, type LineSink, type LogStream } from "./line-sink.js";

// A line on the pipe begins with the letter of its stream. JSON has no line feed inside, so the end
// of a line is the end of what is sent.
const LETTERS: Readonly<Record<LogStream, string>> = {
  application: "A",
  access: "R",
  prediction: "P",
  feedback: "F",
};
const STREAMS = new Map(
  Object.entries(LETTERS).map(([stream, letter]) => [letter.charCodeAt(0), stream as LogStream]),
);

/** The letter of a line on a pipe. */
export function letterOf(stream: LogStream): number {
  return LETTERS[stream].charCodeAt(0);
}

/**
 * A line that ends like this is none: so says a writer that takes the place of another, which may have
 * ended in the middle of a line.
 */
export const CANCEL = "\u0018";

export interface LinePipeOptions {
  /** Bytes that may wait for the reader. @default 16_777_216 (16 MiB) */
  maxBufferBytes?: number;
  /** Milliseconds for which lines are gathered; application lines are not. @default 20 */
  gatherMs?: number;
}

const ENOUGH_CHARACTERS = 64 * 1024;

/** The side of a pipe on which a process hands its lines to the one that writes them. */
export function createLinePipe(writable: Writable, options: LinePipeOptions = {}): LineSink {
  const { maxBufferBytes = 16 * 1024 * 1024, gatherMs = 20 } = options;
  const tally = new DropTally();
  let gathered = "";
  let waiting: LogStream[] = [];
  let timer: NodeJS.Timeout | undefined;
  let state: "open" | "closed" | "gone" = "open";
  writable.on("error", () => (state = "gone"));
  writable.on("close", () => (state = state === "closed" ? "closed" : "gone"));

  function send(): void {
    clearTimeout(timer);
    timer = undefined;
    if (gathered === "") return;
    if (state === "gone") for (const stream of waiting) tally.add(stream, "reader-gone");
    else writable.write(gathered);
    gathered = "";
    waiting = [];
  }

  return {
    write(stream, given) {
      const line = typeof given === "string" ? given : toText(given);
      if (state !== "open") return tally.add(stream, state === "gone" ? "reader-gone" : "closed");
      // Characters, not bytes: what waits in the pipe itself is counted in bytes by Node.
      if (writable.writableLength + gathered.length + line.length > maxBufferBytes) {
        return tally.add(stream, "buffer-full");
      }
      gathered += `${LETTERS[stream]}${line}\n`;
      waiting.push(stream);
      if (stream === "application" || gathered.length >= ENOUGH_CHARACTERS) send();
      else timer ??= setTimeout(send, gatherMs).unref();
    },
    dropped: () => tally.list(),
    flush() {
      send();
      if (state !== "open") return Promise.resolve();
      return new Promise((resolve) => writable.write("", () => resolve()));
    },
    async close() {
      send();
      if (state !== "open") return;
      state = "closed";
      await new Promise<void>((resolve) => {
        writable.once("close", () => resolve());
        writable.end(() => resolve());
      });
    },
  };
}

function toText(line: Uint8Array): string {
  return Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString("utf8");
}

const LINE_FEED = 10;
const CANCEL_BYTE = CANCEL.charCodeAt(0);
/** No record is as large; what is has lost its line feed. */
const LONGEST_LINE = 64 * 1024 * 1024;

/**
 * The side on which lines arrive: hands each to the sink, from as many pipes as there are. The
 * beginning of a line whose writer was ended is no line, and is not written. Resolves when the pipe
 * has ended.
 */
export function readLinePipe(readable: Readable, sink: LineSink): Promise<{ cutOff: boolean }> {
  let parts: Buffer[] = [];
  let length = 0;
  readable.on("data", (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, from)) {
      const last = chunk.subarray(from, end);
      take(parts.length === 0 ? last : Buffer.concat([...parts, last]));
      parts = [];
      length = 0;
      from = end + 1;
    }
    if (from === chunk.length) return;
    length += chunk.length - from;
    if (length <= LONGEST_LINE) parts.push(from === 0 ? chunk : chunk.subarray(from));
  });

  function take(line: Buffer): void {
    const stream = STREAMS.get(line[0]!);
    if (stream !== undefined && line.at(-1) !== CANCEL_BYTE) sink.write(stream, line.subarray(1));
  }

  return new Promise((resolve) => {
    const end = (): void => resolve({ cutOff: length > 0 });
    readable.once("end", end).once("close", end).once("error", end);
  });
}
