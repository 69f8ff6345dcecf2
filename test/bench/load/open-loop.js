import { connect } from "node:net";
import { createRandom } from "../random.js";
import { createResponseReader, quantile, wait } from "./closed-loop.js";

/**
 * @typedef {object} OpenLoop
 * @property {number} port
 * @property {number} perSecond requests offered, whether or not those before are answered
 * @property {number} settleMs time before the measurement begins
 * @property {number} durationMs
 * @property {number} limitMs an answer counts when it comes within this time
 * @property {number} seed
 */

/**
 * Sends requests at random times, as many independent clients do (exponential gaps). A latency
 * counts from the moment at which the request was due, not from when it was sent.
 * @param {OpenLoop} options
 * @param {readonly Buffer[]} requests
 * @param {(event: "began" | "ended") => void} tell
 */
export async function runOpenLoop(options, requests, tell) {
  const { port, perSecond, settleMs, durationMs, limitMs, seed } = options;
  const random = createRandom(seed);
  const idle = [];
  const all = new Set();
  const result = { offered: 0, answered: 0, inTime: 0, refused: 0, sendLagMs: 0, status: {} };
  const latencies = [];
  const failures = [];

  const open = () => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const read = createResponseReader();
    const line = { socket, due: 0, counts: false, busy: false };
    all.add(line);
    socket.on("data", (chunk) => {
      const status = read(chunk);
      if (status === 0) return;
      line.busy = false;
      idle.push(line);
      if (!line.counts) return;
      if (status !== 200) {
        result.refused++;
        result.status[status] = (result.status[status] ?? 0) + 1;
        return;
      }
      result.answered++;
      const latency = performance.now() - line.due;
      latencies.push(latency);
      if (latency <= limitMs) result.inTime++;
    });
    socket.on("error", (error) => failures.push(error));
    return line;
  };

  const began = performance.now();
  const from = began + settleMs;
  const until = from + durationMs;
  let due = began;
  let next = 0;
  let told = false;
  while (due < until && failures.length === 0) {
    const now = performance.now();
    if (!told && now >= from) {
      told = true;
      tell("began");
    }
    while (due <= now && due < until) {
      const line = idle.pop() ?? open();
      line.due = due;
      line.busy = true;
      line.counts = due >= from;
      if (line.counts) {
        result.offered++;
        result.sendLagMs = Math.max(result.sendLagMs, now - due);
      }
      line.socket.write(requests[next++ % requests.length]);
      due += (-Math.log(1 - random()) / perSecond) * 1000;
    }
    await wait(1);
  }
  tell("ended");
  const patience = performance.now() + limitMs + 2000;
  while ([...all].some((line) => line.busy) && performance.now() < patience) await wait(10);
  for (const { socket } of all) socket.destroy();
  if (failures.length > 0) throw failures[0];
  const sorted = Float64Array.from(latencies).sort();
  return {
    ...result,
    inTimePerSecond: (result.inTime / durationMs) * 1000,
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
  };
}
