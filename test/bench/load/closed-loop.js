import { connect } from "node:net";

/**
 * @typedef {object} ClosedLoop
 * @property {number} port
 * @property {number} connections each has one request under way at any time
 * @property {number} settleMs time before the measurement begins
 * @property {number} durationMs
 */

/**
 * Sends the next request on a connection as soon as the one before is answered.
 * @param {ClosedLoop} options
 * @param {readonly Buffer[]} requests whole HTTP/1.1 requests, sent in turn
 * @param {(event: "began" | "ended") => void} tell
 */
export async function runClosedLoop(options, requests, tell) {
  const { port, connections, settleMs, durationMs } = options;
  const latencies = new Float64Array(4_000_000);
  const result = { answered: 0, refused: 0, ms: 0, status: {} };
  let next = 0;
  let measuring = false;
  let stopping = false;

  const link = () =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      const read = createResponseReader();
      let sent = 0;
      const send = () => {
        sent = performance.now();
        socket.write(requests[next++ % requests.length]);
      };
      socket.on("connect", send);
      socket.on("data", (chunk) => {
        const status = read(chunk);
        if (status === 0) return;
        if (measuring) {
          if (status === 200) latencies[result.answered++] = performance.now() - sent;
          else result.refused++;
          if (status !== 200) result.status[status] = (result.status[status] ?? 0) + 1;
        }
        if (stopping) socket.end();
        else send();
      });
      socket.on("close", () =>
        stopping ? resolve() : reject(new Error("The server closed a connection.")),
      );
      socket.on("error", reject);
    });

  const links = Promise.all(Array.from({ length: connections }, link));
  const phases = (async () => {
    await wait(settleMs);
    tell("began");
    measuring = true;
    const began = performance.now();
    await wait(durationMs);
    result.ms = performance.now() - began;
    measuring = false;
    tell("ended");
    stopping = true;
  })();
  await Promise.all([links, phases]);
  const sorted = latencies.subarray(0, result.answered).sort();
  return {
    ...result,
    perSecond: (result.answered / result.ms) * 1000,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
  };
}

/** @param {number} ms */
export function wait(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** @param {Float64Array} sorted @param {number} share */
export function quantile(sorted, share) {
  return sorted.length === 0
    ? Number.NaN
    : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

const HEAD_END = Buffer.from("\r\n\r\n");

/**
 * Reads the responses of one connection: 0 while one is not complete, then its status. It reads no
 * more than that takes, since the generator shares the machine with the server.
 */
export function createResponseReader() {
  let pending = /** @type {Buffer | undefined} */ (undefined);
  let missing = 0;
  let status = 0;
  return (chunk) => {
    if (missing > 0) {
      missing -= chunk.length;
      return missing > 0 ? 0 : status;
    }
    const data = pending === undefined ? chunk : Buffer.concat([pending, chunk]);
    const end = data.indexOf(HEAD_END);
    if (end === -1) {
      pending = data;
      return 0;
    }
    pending = undefined;
    const head = data.latin1Slice(0, end);
    status = Number(head.slice(9, 12));
    const length = /content-length: *(\d+)/i.exec(head);
    if (length === null) throw new Error(`An answer has no Content-Length:\n${head}`);
    missing = end + HEAD_END.length + Number(length[1]) - data.length;
    return missing > 0 ? 0 : status;
  };
}
