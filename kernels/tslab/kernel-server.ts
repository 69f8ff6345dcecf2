import { setTimeout as delay } from "node:timers/promises";
import { Publisher, Reply, Router } from "zeromq";
import {
  createRequest,
  fromFrames,
  toFrames,
  type ConnectionInfo,
  type Message,
} from "./protocol.js";
import { toErrorContent } from "./cell-errors.js";
import type { Publish } from "./cell-runner.js";

/** Answers a request with the content of its reply, `undefined` when none is due. */
export type RequestHandler = (
  content: Record<string, unknown>,
  publish: Publish,
) => Record<string, unknown> | undefined | Promise<Record<string, unknown> | undefined>;

/** The kernel's end of the five sockets between a kernel and Jupyter. */
export interface KernelServer {
  listen(): Promise<void>;
}

export function createKernelServer(
  connection: ConnectionInfo,
  handlers: Readonly<Record<string, RequestHandler>>,
): KernelServer {
  // A cell prints without a pause in which messages could leave. With a bound on what waits they
  // would be lost; with a time-out other than 0 the library refuses after 512 of them.
  const unbounded = { sendHighWaterMark: 0, sendTimeout: 0 };
  const iopub = new Publisher(unbounded);
  const shell = new Router(unbounded);
  const control = new Router(unbounded);
  const stdin = new Router();
  const heartbeat = new Reply();

  const send = (socket: Publisher | Router, head: readonly (Buffer | string)[], m: Message) => {
    // Fails only when the socket is closed: the kernel is ending then.
    socket.send([...head, ...toFrames(m, connection.key)]).catch(() => undefined);
  };
  const handle = async (socket: Router, frames: readonly Buffer[]) => {
    const request = fromFrames(frames, connection.key);
    if (request === undefined) return;
    const { msg_type: type, session } = request.header;
    const answer = (answerType: string, content: Record<string, unknown>): Message => ({
      ...createRequest(answerType, content, session),
      parent: request.header,
    });
    const publish: Publish = (publishedType, content) =>
      send(iopub, [publishedType], answer(publishedType, content));
    publish("status", { execution_state: "busy" });
    try {
      const content = await answerTo(handlers[type], request.content, publish);
      if (content !== undefined) {
        const identities = frames.slice(0, frames.findIndex(isDelimiter));
        send(socket, identities, answer(type.replace(/request$/u, "reply"), content));
      }
    } finally {
      publish("status", { execution_state: "idle" });
    }
  };
  const serve = async (socket: Router) => {
    // Not awaited: a cell that waits must not keep completions and an interrupt from being served.
    for await (const frames of socket) void handle(socket, frames);
  };
  const echo = async () => {
    for await (const frames of heartbeat) await heartbeat.send(frames);
  };

  return {
    async listen() {
      const { transport, ip } = connection;
      await Promise.all([
        bind(iopub, `${transport}://${ip}:${connection.iopub_port}`),
        bind(shell, `${transport}://${ip}:${connection.shell_port}`),
        bind(control, `${transport}://${ip}:${connection.control_port}`),
        bind(stdin, `${transport}://${ip}:${connection.stdin_port}`),
        bind(heartbeat, `${transport}://${ip}:${connection.hb_port}`),
      ]);
      void serve(shell);
      void serve(control);
      void echo();
    },
  };
}

const BIND_MS = 10_000;

/**
 * Jupyter chose the ports a while ago, and a connection of another program may have taken one for a
 * moment since: a kernel that gave up at once would be a notebook that does not open.
 */
async function bind(socket: Publisher | Reply | Router, address: string): Promise<void> {
  const until = performance.now() + BIND_MS;
  for (;;) {
    try {
      await socket.bind(address);
      return;
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
      if (!taken || performance.now() > until) throw error;
      await delay(100);
    }
  }
}

async function answerTo(
  handler: RequestHandler | undefined,
  content: Record<string, unknown>,
  publish: Publish,
): Promise<Record<string, unknown> | undefined> {
  try {
    return await handler?.(content, publish);
  } catch (error) {
    // A completion that fails must not show up as an output of a cell.
    return { status: "error", ...toErrorContent(error) };
  }
}

function isDelimiter(frame: Buffer): boolean {
  return frame.toString() === "<IDS|MSG>";
}
