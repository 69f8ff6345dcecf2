import { setTimeout as sleep } from "node:timers/promises";
import { Asker, Finding } from "./ask.js";

const MIB = 2 ** 20;

/** What a whole run may cost. */
export const BOUNDS = {
  /** What the heap and the buffers may hold more than after the warm-up. */
  heapBytes: 24 * MIB,
  /** The same for the memory that the system counts, which allocators give back late. */
  rssBytes: 192 * MIB,
  /** Descriptors that the process may hold more than at the start. */
  descriptors: 4,
};

const get = (path) => ({
  kind: "watch",
  seed: path,
  changes: [],
  method: "GET",
  path,
  framed: true,
  bytes: Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`),
});

/** Asks /livez all the time: whatever holds up the event loop holds up the probe as well. */
export async function watchLife(serving, liveMs, isOver) {
  const found = { slowestMs: 0, probes: 0 };
  const asker = new Asker(serving);
  while (!isOver()) {
    const began = performance.now();
    const status = await asker.ask(get("/livez"));
    const ms = performance.now() - began;
    found.slowestMs = Math.max(found.slowestMs, ms);
    found.probes += 1;
    if (status !== 200) throw new Finding(`/livez was answered with ${status}.`);
    if (ms > liveMs) throw new Finding(`/livez was answered after ${Math.round(ms)} ms.`);
    await sleep(50);
  }
  asker.destroy();
  return found;
}

/** What the process says of itself. @returns {Promise<any>} */
export async function lookInside(serving) {
  let told;
  const asker = new Asker(serving);
  await asker.ask({
    ...get("/v1/inside"),
    holds: (answer) => (told = JSON.parse(answer.body.toString())) !== undefined,
  });
  asker.destroy();
  if (told.polluted.length > 0) {
    throw new Finding(`Objects have inherited ${told.polluted.join(", ")}.`);
  }
  return told;
}

/** Requests that were begun and not ended, by the metrics of the server. */
async function countUnderWay(serving) {
  let text = "";
  const asker = new Asker(serving);
  await asker.ask({
    ...get("/metrics"),
    holds: (answer) => (text = answer.body.toString()) !== "",
  });
  asker.destroy();
  const lines = text.split("\n").filter((line) => line.startsWith("ekiben_requests_in_progress{"));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

/** Waits until the server has nothing left to do, and compares it with its beginning. @throws Finding */
export async function compareEnd(serving, start) {
  let end;
  let faults = [];
  for (let attempt = 0; attempt < 20; attempt++) {
    await sleep(attempt === 0 ? 1000 : 500);
    end = await lookInside(serving);
    faults = [...findGrowth(start, end), ...(await findLeftovers(serving))];
    if (faults.length === 0) return end;
  }
  throw new Finding(faults.join(" "));
}

function findGrowth(start, end) {
  const mib = (bytes) => `${(bytes / MIB).toFixed(1)} MiB`;
  const faults = [];
  for (const name of /** @type {const} */ (["heapBytes", "rssBytes"])) {
    const more = end[name] - start[name];
    if (more > BOUNDS[name])
      faults.push(`${name} grew from ${mib(start[name])} to ${mib(end[name])}.`);
  }
  if (end.descriptors - start.descriptors > BOUNDS.descriptors) {
    faults.push(`Descriptors grew from ${start.descriptors} to ${end.descriptors}.`);
  }
  for (const [kind, count] of Object.entries(end.resources)) {
    const before = start.resources[kind] ?? 0;
    // The probe's own connection and its timers come and go.
    if (count > before + 2) faults.push(`${kind} grew from ${before} to ${count}.`);
  }
  return faults;
}

async function findLeftovers(serving) {
  const files = serving.listTemporary();
  const underWay = await countUnderWay(serving);
  return [
    ...(files.length === 0 ? [] : [`${files.length} temporary files are left.`]),
    ...(underWay <= 1 ? [] : [`${underWay} requests count as under way.`]),
  ];
}
