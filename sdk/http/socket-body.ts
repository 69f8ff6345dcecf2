import type { IncomingMessage } from "node:http";
import type { BodyReader } from "./api-request.js";
import { clientClosed, tooLarge } from "./body-faults.js";
import type { BodyAllowance } from "./request-body.js";

/**
 * The body of a request from its socket. What is announced is held before any of it is read, so that
 * what does not fit is refused before it takes memory.
 */
export function collect(
  incoming: IncomingMessage,
  allowance: BodyAllowance,
  reader: BodyReader,
): void {
  new SocketBody(incoming, allowance, reader).read();
}

const BODY = Symbol("ekiben.body");
type Read = IncomingMessage & { [BODY]: SocketBody };

/** A body on its way. All requests share the listeners of the socket: they find it by a property. */
class SocketBody {
  #first: Buffer | undefined;
  #more: Buffer[] | undefined;
  #size = 0;
  #held = 0;
  #isOver = false;
  readonly #incoming: IncomingMessage;
  readonly #maxBytes: number;
  readonly #admission: BodyAllowance["admission"];
  readonly #reader: BodyReader;

  constructor(
    incoming: IncomingMessage,
    { maxBytes, admission }: BodyAllowance,
    reader: BodyReader,
  ) {
    this.#incoming = incoming;
    this.#maxBytes = maxBytes;
    this.#admission = admission;
    this.#reader = reader;
  }

  read(): void {
    const incoming = this.#incoming;
    const { cancellation } = this.#admission;
    if (incoming.destroyed) return this.lose();
    if (cancellation.aborted) return this.handleEvent();
    try {
      this.#hold(Number(incoming.headers["content-length"] ?? 0));
    } catch (error) {
      return this.#refuse(error);
    }
    (incoming as Read)[BODY] = this;
    // The listeners go with the request: taking each away again costs as much as reading.
    incoming.on("data", onData).on("end", onEnd).on("close", onLost).on("error", onLost);
    cancellation.addEventListener("abort", this);
  }

  add(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#size += chunk.length;
    if (this.#size > this.#maxBytes) return this.#refuse(tooLarge(this.#maxBytes));
    try {
      this.#hold(this.#size);
    } catch (error) {
      return this.#refuse(error);
    }
    if (this.#first === undefined) this.#first = chunk;
    else (this.#more ??= [this.#first]).push(chunk);
  }

  end(): void {
    if (this.#isOver) return;
    this.#stop();
    const whole =
      this.#more === undefined ? (this.#first ?? NOTHING) : Buffer.concat(this.#more, this.#size);
    this.#reader.takeBody(whole);
  }

  /** The connection has closed. */
  lose(): void {
    if (this.#isOver) return;
    this.#stop();
    this.#reader.reject(clientClosed());
  }

  /** The request is cancelled. */
  handleEvent(): void {
    this.#refuse(this.#admission.cancellation.reason);
  }

  #hold(bytes: number): void {
    if (bytes <= this.#held) return;
    this.#admission.hold(bytes - this.#held);
    this.#held = bytes;
  }

  #refuse(error: unknown): void {
    if (this.#isOver) return;
    this.#stop();
    // Without a reader the socket backs up; the server cuts it after the answer.
    this.#incoming.off("data", onData).pause();
    this.#reader.reject(error);
  }

  #stop(): void {
    this.#isOver = true;
    this.#admission.cancellation.removeEventListener("abort", this);
  }
}

const NOTHING = new Uint8Array();

function onData(this: IncomingMessage, chunk: Buffer): void {
  (this as Read)[BODY].add(chunk);
}

function onEnd(this: IncomingMessage): void {
  (this as Read)[BODY].end();
}

function onLost(this: IncomingMessage): void {
  (this as Read)[BODY].lose();
}
