import { createTables } from "../bodies.js";
import { startServer } from "../processes.js";
import { here, servedBundle } from "../prepare.js";
import { createRandom } from "../random.js";
import { interleave, median, summarize } from "../rounds.js";
import { readUsage } from "../usage.js";

const MEGABYTE = 1024 * 1024;

/** From the start of the process to the first answer, which is a prediction of the model. */
export const start = {
  id: "start",
  async run({ workplace, rounds }) {
    const [body] = createTables(1, createRandom(4));
    const ekiben = await servedBundle(workplace, "tabular", { path: "/predict", body });
    const bare = {
      name: "bare node:http",
      command: (port) => [here("servers/bare.js"), String(port)],
      probe: { path: "/", body },
    };
    const memory = { ekiben: [], bare: [] };
    const cpu = { ekiben: [], bare: [] };
    const measure = (name, recipe) => async () => {
      const server = await startServer(recipe);
      cpu[name].push((await readUsage(server.child)).cpuMs);
      // Idle means that what the start has left behind has had time to go, and that what a server
      // loads after its start is there.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const { rssBytes } = await readUsage(server.child);
      memory[name].push(rssBytes / MEGABYTE);
      await server.stop();
      return server.startMs;
    };
    // The first start reads files from the disk that later ones find in memory.
    await measure("ekiben", ekiben)();
    memory.ekiben.length = 0;
    cpu.ekiben.length = 0;
    const results = await interleave(
      { ekiben: measure("ekiben", ekiben), bare: measure("bare", bare) },
      Math.max(rounds, 9),
    );
    const describe = (name) =>
      `${median(results.map((round) => round[name])).toFixed(0)} ms, CPU ${median(cpu[name]).toFixed(0)} ms`;
    return [
      {
        what: "`ekiben serve` of a bundle with a model, to the first answered prediction, against bare `node:http`",
        ...summarize(results, (round) => round.ekiben / round.bare),
        atMost: 3,
        unit: "×",
        details: [`ekiben: ${describe("ekiben")}`, `bare node:http: ${describe("bare")}`],
      },
      {
        what: "Memory of the idle server, with the model loaded and without danfojs",
        ...summarize(memory.ekiben, (megabytes) => megabytes),
        atMost: 120,
        unit: " MB",
        details: [`bare node:http: ${median(memory.bare).toFixed(0)} MB`],
      },
    ];
  },
};
