import { createTables } from "../bodies.js";
import { measureLoad, withServers } from "../measure.js";
import { handWritten, servedBundle } from "../prepare.js";
import { createRandom } from "../random.js";
import { interleave, median, summarize } from "../rounds.js";

/** Requests to the same model behind ekiben and behind a server that was written by hand. */
async function compare({ workplace, rounds, durationMs }, { rows, connections }) {
  const bodies = createTables(rows, createRandom(rows));
  const path = "/predict";
  const probe = { path, body: bodies[0] };
  const recipes = {
    ekiben: await servedBundle(workplace, "tabular", probe),
    hand: handWritten(workplace, probe),
  };
  return await withServers(recipes, async (servers, load) => {
    const variant = (name, ms) => () =>
      measureLoad(load, servers[name], { path, bodies, connections, durationMs: ms });
    // Both have run their code often enough to be compiled before the first round counts.
    for (const name of ["ekiben", "hand"]) await variant(name, 1500)();
    return await interleave(
      { ekiben: variant("ekiben", durationMs), hand: variant("hand", durationMs) },
      rounds,
    );
  });
}

/** @param {any[]} rounds */
function describe(rounds) {
  const of = (name, field) => median(rounds.map((round) => round[name][field]));
  const line = (name, title) =>
    `${title}: ${of(name, "perSecond").toFixed(0)} req/s, CPU ${of(name, "cpuUs").toFixed(1)} µs/req, ` +
    `busy ${of(name, "busy").toFixed(2)}, p50 ${of(name, "p50").toFixed(2)} ms, p99 ${of(name, "p99").toFixed(2)} ms`;
  const cpu = summarize(rounds, ({ ekiben, hand }) => ekiben.cpuUs / hand.cpuUs);
  const speed = summarize(rounds, ({ ekiben, hand }) => ekiben.perSecond / hand.perSecond);
  const print = ({ median, min, max }) =>
    `${median.toFixed(2)} × (${min.toFixed(2)} to ${max.toFixed(2)})`;
  return [
    line("ekiben", "ekiben"),
    line("hand", "by hand"),
    `requests/s ${print(speed)}, CPU a request ${print(cpu)}`,
  ];
}

export const oneRow = {
  id: "one-row",
  async run(bench) {
    const rounds = await compare(bench, { rows: 1, connections: 64 });
    return [
      {
        what: "One row of 30 numbers, small model, 64 connections: requests/s against a hand-written `node:http` server with the same model and batching",
        ...summarize(rounds, ({ ekiben, hand }) => ekiben.perSecond / hand.perSecond),
        atLeast: 0.85,
        unit: "×",
        details: describe(rounds),
      },
    ];
  },
};

export const hundredRows = {
  id: "hundred-rows",
  async run(bench) {
    const rounds = await compare(bench, { rows: 100, connections: 16 });
    return [
      {
        what: "100 rows in one body: CPU a request against `JSON.parse` and filling by hand",
        ...summarize(rounds, ({ ekiben, hand }) => ekiben.cpuUs / hand.cpuUs),
        atMost: 1.1,
        unit: "×",
        details: describe(rounds),
      },
    ];
  },
};
