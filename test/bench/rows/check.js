import { createTables } from "../bodies.js";
import { measureLoad, withServers } from "../measure.js";
import { servedBundle } from "../prepare.js";
import { createRandom } from "../random.js";
import { interleave, median, summarize } from "../rounds.js";

/** What it costs to check every output against its schema in production. */
export const check = {
  id: "check",
  async run({ workplace, rounds, durationMs }) {
    const bodies = createTables(1, createRandom(1));
    const path = "/predict";
    const plain = await servedBundle(workplace, "tabular", { path, body: bodies[0] });
    const checked = {
      ...plain,
      name: "ekiben serve --check-outputs",
      command: (port) => [...plain.command(port), "--check-outputs"],
    };
    return await withServers({ plain, checked }, async (servers, load) => {
      const variant = (name, ms) => () =>
        measureLoad(load, servers[name], { path, bodies, connections: 64, durationMs: ms });
      for (const name of ["plain", "checked"]) await variant(name, 1500)();
      const measured = await interleave(
        { plain: variant("plain", durationMs), checked: variant("checked", durationMs) },
        rounds,
      );
      const cpu = (name) => median(measured.map((round) => round[name].cpuUs));
      return [
        {
          what: "One row with every output checked (`--check-outputs`): CPU a request against without",
          ...summarize(measured, (round) => round.checked.cpuUs / round.plain.cpuUs),
          unit: "×",
          details: ["plain", "checked"].map(
            (name) => `${name}: CPU ${cpu(name).toFixed(1)} µs/req`,
          ),
        },
      ];
    });
  },
};
