import { findFault } from "./check-answer.js";
import { Connection } from "./connection.js";

/** What is wrong, and with which request. */
export class Finding extends Error {
  /** @param {string} message @param {import("./make-request.js").FuzzRequest} [request] */
  constructor(message, request, answer) {
    super(message);
    this.request = request;
    this.answer = answer;
    /** Requests that went over the same connection before it. */
    this.before = [];
  }
}

/** Milliseconds: any request here is small, so a longer wait means that it is never answered. */
const ANSWER_MS = 20_000;
/** A request that is framed wrongly may be one that the server goes on waiting for. */
const WILD_MS = 40;
const CLOSE_MS = 10_000;

/** Requests that go over one connection, one after the other, for as long as the server keeps it. */
export class Asker {
  /** @param {import("./serving.js").Serving} serving */
  constructor(serving) {
    this.serving = serving;
    /** @type {Connection | undefined} */
    this.connection = undefined;
    this.before = [];
  }

  /**
   * Sends a request and checks its answer. @throws Finding
   * @param {import("./make-request.js").FuzzRequest} request
   * @returns {Promise<number>} the status, 0 where none was due
   */
  async ask(request) {
    try {
      return request.framed ? await this.#askFramed(request) : await this.#askWild(request);
    } catch (error) {
      if (error instanceof Finding && request.framed) error.before = this.before.slice(0, -1);
      throw error;
    }
  }

  destroy() {
    this.connection?.destroy();
  }

  async #askFramed(request) {
    if (this.connection?.isIdle !== true) {
      this.connection?.destroy();
      this.connection = new Connection(this.serving.port);
      this.before = [];
    }
    this.before = [...this.before.slice(-5), request];
    const { connection } = this;
    connection.write(request.bytes, request.method);
    const answer = await connection.next(ANSWER_MS);
    if (answer === undefined) {
      const how = connection.closed ? "The connection was closed" : `${ANSWER_MS} ms passed`;
      const part = connection.rest.toString("latin1", 0, 500);
      const got = part === "" ? "" : ` What came: ${JSON.stringify(part)}`;
      throw new Finding(`${how} without an answer.${got}`, request);
    }
    this.#check(answer, request);
    // Node's parser forgets to tell of what it cannot read behind a request to upgrade, and only its
    // time limits end such a connection.
    const end = request.bytes.indexOf("\r\n\r\n");
    if (/^upgrade:/im.test(request.bytes.toString("latin1", 0, end))) connection.destroy();
    return answer.status;
  }

  async #askWild(request) {
    const connection = new Connection(this.serving.port);
    connection.isWild = true;
    try {
      connection.write(request.bytes, request.method);
      const first = await connection.next(WILD_MS);
      if (first !== undefined) this.#check(first, request);
      connection.socket.end();
      const deadline = performance.now() + CLOSE_MS;
      for (;;) {
        const answer = await connection.next(deadline - performance.now());
        if (answer !== undefined) this.#check(answer, request);
        else if (connection.closed) return first?.status ?? 0;
        else throw new Finding("The connection stays open when its client has ended.", request);
      }
    } finally {
      connection.destroy();
    }
  }

  #check(answer, request) {
    const { secrets } = this.serving;
    const fault = findFault(answer, { ...request, secrets });
    if (fault !== undefined) throw new Finding(fault, request, answer);
    if (request.holds === undefined) return;
    let holds = false;
    try {
      holds = request.holds(answer);
    } catch {
      // It is not what it should be in a way that cannot even be read.
    }
    if (!holds) throw new Finding("The answer is not the one to this request.", request, answer);
  }
}
