import { createVectors } from "../bodies.js";
import { measureLoad, withServers } from "../measure.js";
import { servedBundle } from "../prepare.js";
import { createRandom } from "../random.js";
import { interleave, median, summarize } from "../rounds.js";

/** Two worker processes against one process, with the model and the batching of `batching`. */
export const workers = {
  id: "workers",
  async run({ workplace, rounds, durationMs }) {
    const bodies = createVectors(256, createRandom(256));
    const one = await servedBundle(workplace, "dense", { path: "/batched", body: bodies[0] });
    const two = {
      ...one,
      name: "ekiben serve --workers 2",
      command: (port) => [...one.command(port), "--workers", "2"],
    };
    return await withServers({ one, two }, async (servers, load) => {
      const run = (name, ms) => () =>
        measureLoad(load, servers[name], {
          path: "/batched",
          bodies,
          connections: 64,
          durationMs: ms,
        });
      // The second worker may still be starting when the first one answers.
      for (const name of ["one", "two", "two"]) await run(name, 1000)();
      const results = await interleave(
        { one: run("one", durationMs), two: run("two", durationMs) },
        rounds,
      );
      const describe = (name) => {
        const of = (field) => median(results.map((round) => round[name][field]));
        return `${servers[name].name}: ${of("perSecond").toFixed(0)} req/s, p50 ${of("p50").toFixed(2)} ms, p99 ${of("p99").toFixed(2)} ms`;
      };
      return [
        {
          what: "Two worker processes, dense network 256-1024-1024-10, 64 connections: requests/s against one process",
          ...summarize(results, (round) => round.two.perSecond / round.one.perSecond),
          atLeast: 1.35,
          unit: "×",
          details: [describe("one"), describe("two")],
        },
      ];
    });
  },
};
