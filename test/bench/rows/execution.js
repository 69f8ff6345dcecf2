import { request } from "node:http";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { measureLoad, withServers } from "../measure.js";
import { createVectors } from "../bodies.js";
import { createDenseLayers } from "../dense-network.js";
import { writeDenseNetwork } from "../onnx-model.js";
import { servedBundle } from "../prepare.js";
import { createRandom } from "../random.js";
import { interleave, median, summarize } from "../rounds.js";

const CONNECTIONS = 64;
const PROBE_EVERY_MS = 10;

/**
 * One server with one heavy model twice, on the loop and in a worker: what the worker costs, and what
 * it leaves of the loop for others, told by `/livez` while the model is saturated.
 */
export const execution = {
  id: "execution",
  async run({ workplace, rounds, durationMs }) {
    const random = createRandom(64);
    // A batch of 64 is some 1.8 GFLOP: about 20 ms.
    await writeFile(
      join(workplace.directory, "services/models/heavy.onnx"),
      writeDenseNetwork({
        layers: createDenseLayers({ widths: [256, 2560, 2560, 2560, 10], random }),
        last: "Softmax",
      }),
    );
    const bodies = createVectors(256, createRandom(256));
    const recipe = await servedBundle(workplace, "heavy", { path: "/worker", body: bodies[0] });
    return await withServers({ ekiben: recipe }, async ({ ekiben }, load) => {
      const measure = (path, ms) => async () => {
        const probing = createProbe(ekiben.port);
        const options = { path, bodies, connections: CONNECTIONS, durationMs: ms };
        const result = await measureLoad(load, ekiben, options);
        return { ...result, livez: await probing.stop() };
      };
      for (const path of ["/loop", "/worker"]) await measure(path, 500)();
      const found = await interleave(
        { loop: measure("/loop", durationMs), worker: measure("/worker", durationMs) },
        rounds,
      );
      const details = ["loop", "worker"].map((name) => describe(name, found));
      return [
        {
          what: "A heavy model (batches of 20 ms), 64 connections: requests/s in a worker against on the loop",
          ...summarize(found, ({ loop, worker }) => worker.perSecond / loop.perSecond),
          unit: "×",
          details,
        },
        {
          what: "`/livez` while that model is saturated in a worker: 95th percentile",
          ...summarize(found, ({ worker }) => worker.livez),
          atMost: 8,
          unit: " ms",
          details: [],
        },
        {
          what: "`/livez` while that model is saturated on the loop: 95th percentile",
          ...summarize(found, ({ loop }) => loop.livez),
          unit: " ms",
          details: [],
        },
      ];
    });
  },
};

/** Asks `/livez` again and again over one connection; `stop()` answers the 95th percentile in ms. */
function createProbe(port) {
  const times = [];
  let isOver = false;
  const done = (async () => {
    while (!isOver) {
      const began = performance.now();
      await ask(port);
      times.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS));
    }
  })();
  return {
    async stop() {
      isOver = true;
      await done;
      times.sort((a, b) => a - b);
      return times[Math.min(times.length - 1, Math.floor(times.length * 0.95))];
    },
  };
}

function ask(port) {
  return new Promise((resolve, reject) => {
    request({ port, host: "127.0.0.1", path: "/livez" }, (response) => {
      response.resume().once("end", resolve);
    })
      .once("error", reject)
      .end();
  });
}

function describe(name, rounds) {
  const of = (field) => median(rounds.map((round) => round[name][field]));
  return (
    `${name}: ${of("perSecond").toFixed(0)} req/s, CPU ${of("cpuUs").toFixed(0)} µs/req, ` +
    `p50 ${of("p50").toFixed(1)} ms, p99 ${of("p99").toFixed(1)} ms, /livez p95 ${of("livez").toFixed(1)} ms`
  );
}
