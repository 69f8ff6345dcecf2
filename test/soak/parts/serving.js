import { setTimeout as sleep } from "node:timers/promises";
import { Asker, Finding } from "../../fuzz/ask.js";
import { createCanaries } from "../../fuzz/canaries.js";
import { makeSeeds } from "../../fuzz/seeds.js";
import { serveEverything } from "../../fuzz/serving.js";
import { compareEnd, lookInside } from "../../fuzz/watch.js";
import { createTrend, MIB } from "../trend.js";

export const title = "every input, output and protocol from one process; each answer is checked";

const CONNECTIONS = 4;
/** Milliseconds between two requests of a connection: ordinary use, not a benchmark. */
const PAUSE_MS = 10;

/** @param {import("../run.js").Order} order */
export async function run({ seconds, say }) {
  const serving = await serveEverything();
  const heap = createTrend("heap and buffers", { most: 6 * MIB, unit: "MiB" });
  const rss = createTrend("resident memory", { most: 48 * MIB, unit: "MiB" });
  const descriptors = createTrend("descriptors", { most: 2 });
  const handles = createTrend("handles and timers", { most: 4 });
  const end = performance.now() + seconds * 1000;
  const isOver = () => performance.now() > end;
  let answered = 0;
  try {
    const canary = createCanaries(await makeSeeds());
    const ask = async () => {
      const asker = new Asker(serving);
      while (!isOver()) {
        await asker.ask(canary());
        answered += 1;
        await sleep(PAUSE_MS);
      }
      asker.destroy();
    };
    const look = async () => {
      const everyMs = Math.max(1000, Math.min(15_000, (seconds * 1000) / 40));
      for (let round = 1; !isOver(); round++) {
        await sleep(everyMs);
        const told = await lookInside(serving);
        heap.add(told.heapBytes);
        rss.add(told.rssBytes);
        descriptors.add(told.descriptors);
        handles.add(Object.values(told.resources).reduce((sum, count) => sum + count, 0));
        if (round % 20 === 0) say(`${answered} answers, ${heap.tell()}, ${rss.tell()}`);
      }
    };
    const start = await lookInside(serving);
    await Promise.all([look(), ...Array.from({ length: CONNECTIONS }, ask)]);
    await compareEnd(serving, { ...start, heapBytes: Infinity, rssBytes: Infinity });
    const trends = [heap, rss, descriptors, handles];
    say(`${answered} answers, all right; ${trends.map((trend) => trend.tell()).join(", ")}`);
    const code = await serving.stop();
    return [
      ...trends.flatMap((trend) => trend.findings()),
      ...(code === 0 ? [] : [`the server ended with ${code}`]),
    ];
  } catch (error) {
    if (!(error instanceof Finding)) throw error;
    return [
      `${error.message} ${error.request?.seed ?? ""} ${serving.failures.slice(0, 3).join("\n")}`,
    ];
  } finally {
    if (serving.isAlive()) serving.child.kill("SIGKILL");
    await serving.remove();
  }
}
