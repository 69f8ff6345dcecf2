import { fork, type ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { EkibenError } from "../../core/errors.js";
import { readLinePipe } from "../../observability/lines/line-pipe.js";
import type { LineSink } from "../../observability/lines/line-sink.js";
import { openChannel, type Answerers, type Channel, type ChannelEnd } from "../channel.js";
import { findEntry } from "../find-entry.js";
import {
  LINES_FD,
  THREAD_LINES_FD,
  type Beat,
  type PrimaryAnswers,
  type SentError,
  type ToPrimary,
  type ToWorker,
  type WorkerAnswers,
  type WorkerStart,
} from "../messages.js";
import type { Snapshot } from "../../observability/snapshot.js";
import type { Exit } from "./exit-cause.js";

/** `open` takes connections and answers that it starts; `leaving` answers only what it has. */
export type WorkerState = "starting" | "open" | "ready" | "leaving" | "gone";

export interface WorkerOptions {
  readonly start: Omit<WorkerStart, "type">;
  /** What `ps` shows behind the entry. */
  readonly title: readonly string[];
  /** Megabytes of V8's heap. @default V8's own limit */
  readonly memoryMb: number | undefined;
  readonly answers: Answerers<PrimaryAnswers>;
  /** Takes the lines of its logs. */
  readonly lines: LineSink;
  /** Its state, its load or what it beats has changed. */
  onChange(): void;
  onMetrics(snapshot: Snapshot): void;
  /** It has gone; `unclaimed` is a connection that it never took. */
  onExit(exit: Exit, unclaimed: Socket | undefined): void;
}

/** A worker as its primary sees it. */
export interface WorkerProcess {
  readonly number: number;
  readonly pid: number | undefined;
  readonly state: WorkerState;
  /** Open connections, with the one on its way. */
  readonly load: number;
  /** Milliseconds for which a connection is on its way to it; 0 when there is none. */
  readonly busyMs: number;
  /** From `performance.now()`. */
  readonly startedAt: number;
  readonly readyAt: number | undefined;
  /** The last beat and when it came; `undefined` until it is ready. */
  readonly beat: (Beat & { readonly at: number }) | undefined;
  /** Milliseconds for which an event loop that should beat has not; 0 until it is ready. */
  readonly silentMs: number;
  /** What it could not start for. */
  readonly failure: EkibenError | undefined;
  readonly channel: Channel<ToWorker, WorkerAnswers>;
  readonly exited: Promise<Exit>;
  hand(socket: Socket): void;
  /** Asks it to end, and ends it when it has not after `drainMs` and a little. */
  stop(limits: { drainMs: number; lingerMs: number }): Promise<Exit>;
  kill(why: string): Promise<Exit>;
}

/** Milliseconds in which the lines of a worker that has ended are read from its pipe. */
const MOST_LINES_MS = 10_000;
const MOST_ERRORS = 16 * 1024;
/** Milliseconds beyond the time for draining in which a worker releases what it has. */
const RELEASE_MS = 3_000;

/** Starts a worker; `onChange` and `onExit` tell what becomes of it. */
export function startWorker(options: WorkerOptions): WorkerProcess {
  const { start, memoryMb, onChange } = options;
  const child = fork(findEntry("server/worker/main.js"), [...options.title], {
    execArgv: [
      ...process.execArgv,
      ...(memoryMb === undefined ? [] : [`--max-old-space-size=${memoryMb}`]),
    ],
    // Errors pass through here: the last of them often say why a process ended.
    // The last two bring the lines of its logs.
    stdio: ["ignore", "inherit", "pipe", "ipc", "pipe", "pipe"],
    windowsHide: true,
  } as Parameters<typeof fork>[2]);

  let state: WorkerState = "starting";
  let load = 0;
  let onItsWay: Socket | undefined;
  let handedAt = 0;
  let readyAt: number | undefined;
  let beat: WorkerProcess["beat"];
  let failure: EkibenError | undefined;
  let errors = "";
  let ended: string | undefined;

  const channel = openChannel<ToWorker, WorkerAnswers, ToPrimary, PrimaryAnswers>({
    end: child as ChannelEnd,
    answers: options.answers,
    onMessage(message) {
      if (message.type === "metrics") return options.onMetrics(message.snapshot);
      take(message);
      onChange();
    },
  });
  child.stderr!.on("data", (chunk: Buffer) => {
    process.stderr.write(chunk);
    errors = (errors + chunk.toString("utf8")).slice(-MOST_ERRORS);
  });
  const linesRead = Promise.all(
    [LINES_FD, THREAD_LINES_FD].map((fd) =>
      readLinePipe(child.stdio[fd] as Readable, options.lines),
    ),
  );
  const exited = watchExit(child, linesRead).then(({ code, signal }): Exit => {
    state = "gone";
    const exit = { code, signal, errors, ...(ended === undefined ? {} : { ended }) };
    options.onExit(exit, onItsWay);
    return exit;
  });
  channel.tell({ type: "start", ...start });

  function take(message: ToPrimary): void {
    switch (message.type) {
      case "open":
        state = "open";
        break;
      case "ready":
        // It may have been asked to stop meanwhile.
        if (state === "open") state = "ready";
        readyAt = performance.now();
        break;
      case "failed":
        failure = fromSent(message.error);
        break;
      case "taken":
        // The worker has it now; this only closes the primary's own descriptor.
        onItsWay?.destroy();
        onItsWay = undefined;
        load = message.open;
        break;
      case "load":
        load = message.open;
        break;
      case "beat":
        load = message.open;
        beat = { ...message, at: performance.now() };
        break;
      case "leaving":
        state = "leaving";
        break;
    }
  }

  function kill(why: string): Promise<Exit> {
    if (state !== "gone") {
      ended ??= why;
      child.kill("SIGKILL");
    }
    return exited;
  }

  return {
    number: start.worker,
    pid: child.pid,
    get state() {
      return state;
    },
    get load() {
      return load + (onItsWay === undefined ? 0 : 1);
    },
    get busyMs() {
      return onItsWay === undefined ? 0 : Math.max(performance.now() - handedAt, Number.MIN_VALUE);
    },
    startedAt: performance.now(),
    get readyAt() {
      return readyAt;
    },
    get beat() {
      return beat;
    },
    get silentMs() {
      return readyAt === undefined ? 0 : performance.now() - Math.max(readyAt, beat?.at ?? 0);
    },
    get failure() {
      return failure;
    },
    channel,
    exited,
    hand(socket) {
      onItsWay = socket;
      handedAt = performance.now();
      channel.tell({ type: "connection" }, socket);
    },
    async stop(limits) {
      if (state === "gone") return exited;
      state = "leaving";
      channel.tell({ type: "stop", ...limits });
      const drainMs = readyAt === undefined ? 0 : limits.drainMs;
      const late = setTimeout(() => void kill("it did not end in time"), drainMs + RELEASE_MS);
      const exit = await exited;
      clearTimeout(late);
      return exit;
    },
    kill,
  };
}

/** Not the event "close": a grandchild that inherited a stream would hold it up. */
function watchExit(
  child: ChildProcess,
  linesRead: Promise<unknown>,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    const read = Promise.all([
      new Promise<void>((done) => child.stderr!.once("close", done)),
      new Promise<void>((done) => child.once("disconnect", done)),
    ]);
    child.once("error", () => {
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
    child.once("exit", (code, signal) => {
      // Its last words are in the pipes still.
      const enough = new Promise<void>((done) => setTimeout(done, 500));
      const late = new Promise<void>((done) => setTimeout(done, MOST_LINES_MS).unref());
      void Promise.all([Promise.race([read, enough]), Promise.race([linesRead, late])]).then(() =>
        resolve({ code, signal }),
      );
    });
  });
}

function fromSent({ code, facts, stack }: SentError): EkibenError {
  const error = new EkibenError(code, facts);
  if (stack !== undefined) error.stack = stack;
  return error;
}
