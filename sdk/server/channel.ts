import type { Socket } from "node:net";

/** What a channel needs of a process at its end: `process` or a `ChildProcess`. */
export interface ChannelEnd {
  readonly connected: boolean;
  send?(
    message: unknown,
    socket?: Socket,
    options?: { keepOpen?: boolean },
    callback?: (error: Error | null) => void,
  ): boolean;
  on(event: "message", listener: (message: any, socket?: unknown) => void): unknown;
  on(event: "disconnect", listener: () => void): unknown;
}

/** Answers to the questions of the other side; what one throws becomes the error of who asked. */
export type Answerers<Answers> = {
  readonly [Question in keyof Answers]: () => Answers[Question] | Promise<Answers[Question]>;
};

/** A typed way to another process: messages, and questions that wait for their answer. */
export interface Channel<Sent, Asked> {
  /** Does nothing when the other side has gone. */
  tell(message: Sent, socket?: Socket): void;
  /** Resolves when the message has left this process: the last one before it ends. */
  tellLast(message: Sent): Promise<void>;
  /** Rejects when there is no answer in time, or the other side has gone. */
  ask<Question extends keyof Asked & string>(
    question: Question,
    timeoutMs: number,
  ): Promise<Asked[Question]>;
}

type Envelope =
  | { readonly ask: number; readonly question: string }
  | { readonly answer: number; readonly value?: unknown; readonly error?: string };

export interface ChannelOptions<Received, Answers> {
  readonly end: ChannelEnd;
  readonly answers: Answerers<Answers>;
  onMessage(message: Received, socket: Socket | undefined): void;
}

/** Opens a channel; `Sent` and `Asked` go out, `Received` and `Answers` are what comes and is asked here. */
export function openChannel<Sent, Asked, Received, Answers>(
  options: ChannelOptions<Received, Answers>,
): Channel<Sent, Asked> {
  const { end, answers, onMessage } = options;
  const waiting = new Map<number, { resolve(value: any): void; reject(error: Error): void }>();
  let last = 0;

  function send(message: unknown, socket?: Socket, sent: () => void = () => {}): void {
    if (!end.connected) return sent();
    // The callback takes the error of a channel that closes meanwhile; without one it is thrown.
    end.send?.(message, socket, { keepOpen: true }, sent);
  }

  async function answer(id: number, question: string): Promise<void> {
    try {
      const find = (answers as Record<string, (() => unknown) | undefined>)[question];
      if (find === undefined) throw new Error(`nobody here answers ${question}`);
      send({ answer: id, value: await find() });
    } catch (error) {
      send({ answer: id, error: error instanceof Error ? error.message : String(error) });
    }
  }

  end.on("message", (message: Envelope | Received, socket) => {
    if (typeof message !== "object" || message === null) return;
    if ("ask" in message) void answer(message.ask, message.question);
    else if ("answer" in message) {
      const asker = waiting.get(message.answer);
      waiting.delete(message.answer);
      if (message.error === undefined) asker?.resolve(message.value);
      else asker?.reject(new Error(message.error));
    } else onMessage(message, socket as Socket | undefined);
  });
  end.on("disconnect", () => {
    for (const { reject } of waiting.values()) reject(new Error("the process has gone"));
    waiting.clear();
  });

  return {
    tell: (message, socket) => send(message, socket),
    tellLast: (message) => new Promise((resolve) => send(message, undefined, resolve)),
    ask: (question, timeoutMs) =>
      new Promise((resolve, reject) => {
        if (!end.connected) return reject(new Error("the process has gone"));
        const id = ++last;
        const late = setTimeout(() => {
          waiting.delete(id);
          reject(new Error(`no answer within ${timeoutMs} ms`));
        }, timeoutMs);
        waiting.set(id, {
          resolve(value) {
            clearTimeout(late);
            resolve(value);
          },
          reject(error) {
            clearTimeout(late);
            reject(error);
          },
        });
        send({ ask: id, question });
      }),
  };
}
