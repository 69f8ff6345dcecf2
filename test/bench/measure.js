import { startLoad, startServer } from "./processes.js";
import { readUsage } from "./usage.js";

/**
 * One closed-loop run against a server, with what the server used meanwhile.
 * @returns {Promise<{ perSecond: number, cpuUs: number, busy: number, p50: number, p99: number, answered: number }>}
 */
export async function measureLoad(
  load,
  server,
  { path, bodies, mediaType, connections, durationMs },
) {
  const usage = [];
  const result = await load.run(
    {
      kind: "closed",
      path,
      bodies,
      mediaType,
      options: { port: server.port, connections, settleMs: 250, durationMs },
    },
    () => usage.push(readUsage(server.child)),
  );
  const [before, after] = await Promise.all(usage);
  if (result.refused > 0) {
    throw new Error(`${server.name} refused requests: ${JSON.stringify(result.status)}`);
  }
  const cpuMs = after.cpuMs - before.cpuMs;
  return {
    ...result,
    cpuUs: (cpuMs / result.answered) * 1000,
    busy: cpuMs / result.ms,
  };
}

/**
 * Starts servers and a load generator for as long as `work` runs.
 * @template T
 * @param {Record<string, import("./processes.js").ServerRecipe>} recipes
 * @param {(servers: Record<string, any>, load: ReturnType<typeof startLoad>) => Promise<T>} work
 */
export async function withServers(recipes, work) {
  const servers = {};
  const load = startLoad();
  try {
    for (const [name, recipe] of Object.entries(recipes)) servers[name] = await startServer(recipe);
    return await work(servers, load);
  } finally {
    await Promise.all([...Object.values(servers), load].map((one) => one.stop()));
  }
}
