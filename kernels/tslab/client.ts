import { randomUUID } from "node:crypto";
import { EkibenError } from "ekiben";
import { Dealer, Subscriber } from "zeromq";
import {
  startKernelProcess,
  type KernelExit,
  type KernelProcessOptions,
} from "./kernel-process.js";
import { createRequest, fromFrames, toFrames, type Message } from "./protocol.js";

/** A kernel process and the channels to it. */
export interface KernelClient {
  readonly pid: number;
  /** The content of the kernel's answer to `kernel_info_request`. */
  readonly info: Record<string, unknown>;
  readonly exited: Promise<KernelExit>;
  /**
   * Sends a request; resolves with the reply when the kernel is idle again.
   * @throws EkibenError KERNEL_FAILED when the process ends before.
   */
  request(
    type: string,
    content: Record<string, unknown>,
    options?: RequestOptions,
  ): Promise<Message>;
  /** Stops the running cell. */
  interrupt(): Promise<void>;
  /** Asks the kernel to end, and ends it after `graceMs`. @default 3000 */
  shutdown(graceMs?: number): Promise<void>;
}

export interface RequestOptions {
  /** @default "shell" */
  channel?: "shell" | "control";
  /** What the kernel publishes on behalf of the request. */
  onPublished?: (message: Message) => void;
}

export interface KernelClientOptions extends KernelProcessOptions {
  /** Milliseconds until the kernel has to answer. @default 60000 */
  startTimeoutMs?: number;
}

interface Pending {
  reply?: Message;
  idle: boolean;
  onPublished?: (message: Message) => void;
  resolve(message: Message): void;
  reject(error: Error): void;
}

/** What libzmq says of a port that is not free any more. */
const TAKEN = "Address already in use";
const MOST_STARTS = 3;

/**
 * Its ports were free when they were chosen: when somebody else has taken one in between, others are
 * tried.
 * @throws EkibenError KERNEL_FAILED when the kernel does not come up.
 */
export async function startKernelClient(options: KernelClientOptions): Promise<KernelClient> {
  for (let starts = 1; ; starts++) {
    try {
      return await startOnce(options);
    } catch (error) {
      const isTaken = error instanceof EkibenError && error.facts.detail.includes(TAKEN);
      if (!isTaken || starts === MOST_STARTS) throw error;
    }
  }
}

async function startOnce(options: KernelClientOptions): Promise<KernelClient> {
  const kernel = await startKernelProcess(options);
  const { connection } = kernel;
  const session = randomUUID();
  const pending = new Map<string, Pending>();
  const sockets = {
    // Reconnecting starts from the same short wait each time: the kernel is not up yet at first.
    shell: new Dealer({ linger: 0, reconnectInterval: 20 }),
    control: new Dealer({ linger: 0, reconnectInterval: 20 }),
    iopub: new Subscriber({ linger: 0, reconnectInterval: 20, receiveHighWaterMark: 0 }),
  };
  let ended: EkibenError | undefined;

  for (const [name, socket] of Object.entries(sockets)) {
    socket.connect(`tcp://${connection.ip}:${connection[`${name as keyof typeof sockets}_port`]}`);
  }
  sockets.iopub.subscribe("");

  const settle = (id: string, entry: Pending) => {
    if (entry.reply === undefined || !entry.idle) return;
    pending.delete(id);
    entry.resolve(entry.reply);
  };
  const listen = async (socket: Dealer | Subscriber, receive: (message: Message) => void) => {
    for await (const frames of socket) {
      const message = fromFrames(frames, connection.key);
      if (message !== undefined) receive(message);
    }
  };
  const onReply = (message: Message) => {
    const id = message.parent.msg_id ?? "";
    const entry = pending.get(id);
    if (entry === undefined) return;
    entry.reply = message;
    settle(id, entry);
  };
  const onPublished = (message: Message) => {
    const id = message.parent.msg_id ?? "";
    const entry = pending.get(id);
    if (entry === undefined) return;
    entry.onPublished?.(message);
    if (message.header.msg_type === "status" && message.content["execution_state"] === "idle") {
      entry.idle = true;
      settle(id, entry);
    }
  };
  void listen(sockets.shell, onReply);
  void listen(sockets.control, onReply);
  void listen(sockets.iopub, onPublished);

  const exited = kernel.exited.then((exit) => {
    ended = toExitError(exit, kernel.tail());
    for (const entry of pending.values()) entry.reject(ended);
    pending.clear();
    for (const socket of Object.values(sockets)) socket.close();
    return exit;
  });

  const send: KernelClient["request"] = async (type, content, requestOptions = {}) => {
    if (ended !== undefined) throw ended;
    const message = createRequest(type, content, session);
    const id = message.header.msg_id;
    const answered = new Promise<Message>((resolve, reject) => {
      pending.set(id, { idle: false, resolve, reject, ...requestOptions });
    });
    answered.catch(() => undefined);
    await sockets[requestOptions.channel ?? "shell"].send(toFrames(message, connection.key));
    return answered;
  };

  const shutdown = async (graceMs = 3_000) => {
    if (ended === undefined) {
      send("shutdown_request", { restart: false }, { channel: "control" }).catch(() => undefined);
      const timer = setTimeout(() => kernel.kill("SIGKILL"), graceMs);
      await exited;
      clearTimeout(timer);
    }
  };

  try {
    const info = await waitForKernel(send, exited, options.startTimeoutMs ?? 60_000);
    await kernel.forgetConnection();
    return {
      pid: kernel.pid,
      info,
      exited,
      request: send,
      async interrupt() {
        // Windows has no SIGINT for one process.
        if (process.platform !== "win32") kernel.kill("SIGINT");
        else await send("interrupt_request", {}, { channel: "control" });
      },
      shutdown,
    };
  } catch (error) {
    await shutdown(0);
    if (ended === undefined || error === ended) throw error;
    throw new EkibenError("KERNEL_FAILED", {
      detail: error instanceof Error ? error.message : String(error),
      ...(kernel.tail() === "" ? {} : { hint: `It wrote: ${kernel.tail()}` }),
      cause: error,
    });
  }
}

/**
 * A subscription takes effect some time after it was made, and what is published before is lost.
 * So the kernel is asked until an answer comes with its status on the published side.
 */
async function waitForKernel(
  send: KernelClient["request"],
  exited: Promise<KernelExit>,
  timeoutMs: number,
): Promise<Record<string, unknown>> {
  const deadline = Date.now() + timeoutMs;
  let interval = 250;
  while (Date.now() < deadline) {
    const attempt = send("kernel_info_request", {});
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), interval);
    });
    const reply = await Promise.race([attempt, waited]);
    clearTimeout(timer);
    if (reply !== undefined) return reply.content;
    interval = Math.min(interval * 2, 1_000, Math.max(deadline - Date.now(), 1));
  }
  throw new Error(`The kernel did not answer within ${timeoutMs} ms.`);
}

function toExitError(exit: KernelExit, tail: string): EkibenError {
  const how =
    exit.signal !== null
      ? `by the signal ${exit.signal}`
      : exit.code !== null
        ? `with the exit code ${exit.code}`
        : "before it could start";
  return new EkibenError("KERNEL_FAILED", {
    detail: `The kernel ended ${how}.${tail === "" ? "" : ` It wrote:\n${tail}\n`}`,
    hint:
      tail === ""
        ? "A cell may have called process.exit, or the system may have been out of memory."
        : "Its own words above tell the reason.",
  });
}
