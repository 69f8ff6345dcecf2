import { connect } from "node:net";

/**
 * An answer as it stood on the wire.
 * @typedef {object} Answer
 * @property {number} status
 * @property {Map<string, string>} headers names in lower case
 * @property {string} head
 * @property {Buffer} body
 * @property {string} [fault] why it is no answer of HTTP/1.1
 */

/**
 * One connection, on which anything may be written. What comes back is read by the letter: a client
 * that forgives would not see an answer that is framed wrongly, or given to another request.
 */
export class Connection {
  /** @param {number} port */
  constructor(port) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: false });
    this.closed = false;
    /** Whether the server has said that it will close. */
    this.ends = false;
    /** Whether what is written may be more or less than one request. */
    this.isWild = false;
    /** @type {Answer[]} */
    this.answers = [];
    this.waiters = new Set();
    this.rest = Buffer.alloc(0);
    /** The methods of the requests that are not answered yet: an answer to HEAD has no body. */
    this.methods = [];
    this.socket.on("data", (chunk) => this.#read(chunk));
    // What was read before a reset still counts; "close" follows.
    this.socket.on("error", () => {});
    this.socket.on("close", () => {
      this.closed = true;
      this.#readToEnd();
      this.#wake();
    });
  }

  /** @param {Buffer} bytes @param {string} method */
  write(bytes, method) {
    this.methods.push(method);
    this.socket.write(bytes);
  }

  /**
   * The next answer, `undefined` when the connection closes or the time is over before.
   * @returns {Promise<Answer | undefined>}
   */
  async next(limitMs) {
    const deadline = performance.now() + limitMs;
    while (this.answers.length === 0 && !this.closed) {
      const left = deadline - performance.now();
      if (left <= 0) return undefined;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.waiters.add(() => {
          clearTimeout(timer);
          resolve(undefined);
        });
      });
    }
    return this.answers.shift();
  }

  /** Whether nothing is under way and the server means to go on. */
  get isIdle() {
    return !this.closed && !this.ends && this.answers.length === 0 && this.rest.length === 0;
  }

  destroy() {
    this.ends = true;
    this.socket.destroy();
  }

  #wake() {
    for (const wake of this.waiters) wake();
    this.waiters.clear();
  }

  #read(chunk) {
    // What Node's parser refuses is answered before anybody knows that it asked with HEAD.
    if (this.ends) return;
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    for (;;) {
      const found = readAnswer(this.rest, this.methods[0]);
      if (found === undefined) return;
      this.rest = this.rest.subarray(found.size);
      if (found.answer.status >= 100 && found.answer.status < 200) continue;
      if (this.methods.length === 0 && !this.isWild) found.answer.fault ??= "nothing was asked";
      this.methods.shift();
      this.ends ||= /\bclose\b/i.test(found.answer.headers.get("connection") ?? "");
      if (this.ends) this.rest = Buffer.alloc(0);
      this.answers.push(found.answer);
      this.#wake();
      if (found.answer.fault !== undefined) {
        this.ends = true;
        this.socket.destroy();
        return;
      }
    }
  }

  /** A body without a length ends with its connection. */
  #readToEnd() {
    if (this.rest.length === 0) return;
    const found = readAnswer(this.rest, this.methods[0], true);
    if (found !== undefined) this.answers.push(found.answer);
    this.rest = Buffer.alloc(0);
  }
}

const NO_BODY = new Set([204, 304]);

/** @returns {{ answer: Answer, size: number } | undefined} `undefined` while it is not all there */
function readAnswer(bytes, method, ended = false) {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) {
    if (bytes.length < 5 || bytes.toString("latin1", 0, 5) === "HTTP/") return undefined;
    return broken(bytes, "it does not begin with HTTP/");
  }
  const head = bytes.toString("latin1", 0, end);
  const [first, ...lines] = head.split("\r\n");
  const match = /^HTTP\/1\.1 (\d{3}) [\x20-\x7e]*$/.exec(first);
  if (match === null)
    return broken(bytes, `its first line is ${JSON.stringify(first.slice(0, 80))}`);
  const status = Number(match[1]);
  const headers = new Map();
  for (const line of lines) {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line);
    if (field === null)
      return broken(bytes, `it has the line ${JSON.stringify(line.slice(0, 80))}`);
    const name = field[1].toLowerCase();
    if (headers.has(name) && name !== "set-cookie") {
      return broken(bytes, `it has the header ${name} twice`);
    }
    headers.set(name, field[2].trim());
  }
  const answer = { status, headers, head, body: Buffer.alloc(0) };
  const start = end + 4;
  if (status < 200 || NO_BODY.has(status) || method === "HEAD") return { answer, size: start };
  const length = headers.get("content-length");
  if (headers.get("transfer-encoding") === "chunked") {
    if (length !== undefined) return broken(bytes, "it has a length and chunks");
    return readChunks(bytes, start, answer);
  }
  if (length === undefined) {
    if (!ended) return undefined;
    return { answer: { ...answer, body: bytes.subarray(start) }, size: bytes.length };
  }
  if (!/^\d+$/.test(length)) return broken(bytes, `its length is ${length}`);
  const size = start + Number(length);
  if (bytes.length < size) return undefined;
  return { answer: { ...answer, body: bytes.subarray(start, size) }, size };
}

function readChunks(bytes, start, answer) {
  const parts = [];
  for (let at = start; ;) {
    const end = bytes.indexOf("\r\n", at);
    if (end === -1) return undefined;
    const line = bytes.toString("latin1", at, end);
    if (!/^[0-9a-f]+$/i.test(line)) return broken(bytes, `a chunk of it begins with ${line}`);
    const size = parseInt(line, 16);
    const next = end + 2 + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return { answer: { ...answer, body: Buffer.concat(parts) }, size: next };
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = next;
  }
}

function broken(bytes, fault) {
  const head = bytes.toString("latin1", 0, 400);
  return {
    answer: { status: 0, headers: new Map(), head, body: bytes, fault },
    size: bytes.length,
  };
}
