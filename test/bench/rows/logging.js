import { join } from "node:path";
import { createTables } from "../bodies.js";
import { measureLoad, withServers } from "../measure.js";
import { servedBundle } from "../prepare.js";
import { createRandom } from "../random.js";
import { interleave, median, summarize } from "../rounds.js";

/** What it costs to write down every request with its inputs and outputs. */
export const logging = {
  id: "logging",
  async run({ workplace, rounds, durationMs }) {
    const bodies = createTables(1, createRandom(1));
    const path = "/predict";
    const plain = await servedBundle(workplace, "tabular", { path, body: bodies[0] });
    const withLog = (name, ...options) => ({
      ...plain,
      name: `ekiben serve ${options.join(" ")}`,
      command: (port) => [
        ...plain.command(port),
        `--log-dir=${join(workplace.directory, name)}`,
        "--log-keep-files=1",
        ...options,
      ],
    });
    const recipes = {
      plain,
      predictions: withLog("predictions", "--log-access=off"),
      both: withLog("both"),
    };
    return await withServers(recipes, async (servers, load) => {
      const variant = (name, ms) => () =>
        measureLoad(load, servers[name], { path, bodies, connections: 64, durationMs: ms });
      const names = Object.keys(recipes);
      for (const name of names) await variant(name, 1500)();
      const measured = await interleave(
        Object.fromEntries(names.map((name) => [name, variant(name, durationMs)])),
        rounds,
      );
      const of = (name, field) => median(measured.map((round) => round[name][field]));
      const details = names.map(
        (name) =>
          `${name}: ${of(name, "perSecond").toFixed(0)} req/s, CPU ${of(name, "cpuUs").toFixed(1)} µs/req`,
      );
      return [
        {
          what: "One row of 30 numbers with the prediction log in a file: requests/s against without",
          ...summarize(measured, (round) => round.predictions.perSecond / round.plain.perSecond),
          atLeast: 0.9,
          unit: "×",
          details,
        },
        {
          what: "The same with the access log as well",
          ...summarize(measured, (round) => round.both.perSecond / round.plain.perSecond),
          unit: "×",
          details: [],
        },
      ];
    });
  },
};
