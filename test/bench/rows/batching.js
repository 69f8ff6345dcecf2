import { createVectors } from "../bodies.js";
import { measureLoad, withServers } from "../measure.js";
import { servedBundle } from "../prepare.js";
import { createRandom } from "../random.js";
import { interleave, median, summarize } from "../rounds.js";

/** One server with both: the same model with batching and without, so that nothing else differs. */
export const batching = {
  id: "batching",
  async run({ workplace, rounds, durationMs }) {
    const bodies = createVectors(256, createRandom(256));
    const probe = { path: "/batched", body: bodies[0] };
    const recipe = await servedBundle(workplace, "dense", probe);
    return await withServers({ ekiben: recipe }, async ({ ekiben }, load) => {
      const run = (path, connections, ms) => () =>
        measureLoad(load, ekiben, { path, bodies, connections, durationMs: ms });
      for (const path of ["/batched", "/single"]) await run(path, 64, 1000)();
      const many = await interleave(
        { on: run("/batched", 64, durationMs), off: run("/single", 64, durationMs) },
        rounds,
      );
      const one = await interleave(
        { on: run("/batched", 1, durationMs), off: run("/single", 1, durationMs) },
        rounds,
      );
      return [
        {
          what: "Batching, dense network 256-1024-1024-10, 64 connections: requests/s against no batching",
          ...summarize(many, ({ on, off }) => on.perSecond / off.perSecond),
          atLeast: 2.3,
          unit: "×",
          details: ["on", "off"].map((name) => describe(name, many)),
        },
        {
          what: "The same at one connection: median latency with batching against without",
          ...summarize(one, ({ on, off }) => on.p50 / off.p50),
          atMost: 1.1,
          unit: "×",
          details: ["on", "off"].map((name) => describe(name, one)),
        },
      ];
    });
  },
};

function describe(name, rounds) {
  const of = (field) => median(rounds.map((round) => round[name][field]));
  return (
    `batching ${name}: ${of("perSecond").toFixed(0)} req/s, CPU ${of("cpuUs").toFixed(1)} µs/req, ` +
    `p50 ${of("p50").toFixed(3)} ms, p99 ${of("p99").toFixed(2)} ms`
  );
}
