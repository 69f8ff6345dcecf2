import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { createFlags } from "../flags.js";
import { fromSentError, type FromThread, type ThreadData, type ToThread } from "../messages.js";
import { toParcel } from "../transfer.js";
import { guardExit } from "./exit-guard.js";

/** What a thread is to open. */
export interface ThreadSource {
  engine: string;
  source: unknown;
  bundle: string | undefined;
}

/** One thread with an open engine. It takes one job at a time. */
export interface Thread {
  readonly facts: unknown;
  /** What a further thread opens the same engine from. */
  readonly source: unknown;
  /** @throws what the engine throws; ThreadEnded when the thread ended meanwhile */
  run(job: unknown, owned: boolean): Promise<unknown>;
  /** Lets it finish its job, release its engine and end. */
  close(): Promise<void>;
  /** Called once, when it ends without having been told to. */
  onEnded: ((ended: ThreadEnded) => void) | undefined;
}

/** A thread ended that nobody had told to. */
export class ThreadEnded extends Error {
  /** Whether its memory was full. */
  readonly isMemory: boolean;

  constructor(cause: unknown, code: number) {
    const reason = cause instanceof Error ? cause.message : `it ended with exit code ${code}`;
    super(reason.replace(/\.$/, ""), cause === undefined ? undefined : { cause });
    this.name = "ThreadEnded";
    this.isMemory = (cause as { code?: unknown } | undefined)?.code === "ERR_WORKER_OUT_OF_MEMORY";
  }
}

interface Waiting {
  resolve(message: FromThread): void;
  reject(error: unknown): void;
}

/** @throws what opening the engine throws; ThreadEnded when the thread ended meanwhile */
export async function openThread({ engine, source, bundle }: ThreadSource): Promise<Thread> {
  const flags = createFlags();
  const data: ThreadData = { flags, bundle };
  const worker = new Worker(findWorkerMain(), {
    workerData: data,
    name: `ekiben ${engine}`,
    // Flags of the main program are for it: some, such as --input-type, stop a worker.
    execArgv: [],
  });
  const forget = guardExit(flags);
  let waiting: Waiting | undefined;
  let isClosing = false;
  let failure: unknown;
  let gone: ThreadEnded | undefined;

  const settle = (): Waiting | undefined => {
    const settled = waiting;
    waiting = undefined;
    // Idle threads do not keep a script alive; one that computes does.
    if (!isClosing) worker.unref();
    return settled;
  };
  worker.on("message", (message: FromThread) => settle()?.resolve(message));
  worker.on("messageerror", (error) => settle()?.reject(error));
  worker.on("error", (error) => (failure = error));
  const ended = new Promise<void>((resolve) => {
    worker.once("exit", (code) => {
      forget();
      resolve();
      if (isClosing && waiting === undefined) return;
      gone = new ThreadEnded(failure, code);
      settle()?.reject(gone);
      thread?.onEnded?.(gone);
    });
  });

  const ask = async (message: ToThread, transfer: readonly ArrayBuffer[]): Promise<FromThread> => {
    if (gone !== undefined) throw gone;
    const answer = new Promise<FromThread>((resolve, reject) => {
      waiting = { resolve, reject };
    });
    worker.ref();
    try {
      worker.postMessage(message, transfer as ArrayBuffer[]);
    } catch (error) {
      // Something in it cannot be cloned: nothing was sent.
      settle()?.reject(error);
    }
    return answer;
  };
  const close = async (): Promise<void> => {
    if (!isClosing) {
      isClosing = true;
      worker.ref();
      worker.postMessage({ kind: "close" } satisfies ToThread, []);
    }
    await ended;
  };

  let thread: Thread | undefined;
  const opened = await ask({ kind: "open", engine, source }, []);
  if (opened.kind !== "opened") {
    await close();
    throw opened.kind === "failed" ? fromSentError(opened.error) : new Error(opened.kind);
  }
  thread = {
    facts: opened.facts,
    source: opened.source ?? source,
    async run(job, owned) {
      const { data: sent, transfer } = toParcel(job, owned);
      const message = await ask({ kind: "run", job: sent }, transfer);
      if (message.kind === "answered") return message.answer;
      throw message.kind === "failed" ? fromSentError(message.error) : new Error(message.kind);
    },
    close,
    onEnded: undefined,
  };
  return thread;
}

/**
 * The compiled program of a worker, beside the entry of the package: there it is whoever asks, an
 * installed package, a bundle's server, a kernel, or sources that a test compiles as it goes.
 */
function findWorkerMain(): string {
  const entry = createRequire(import.meta.url).resolve("ekiben");
  return join(dirname(entry), "execution", "worker", "main.js");
}
