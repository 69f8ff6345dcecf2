import { createServer } from "node:net";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeHome } from "../cli/run-cli.js";

const MODEL = "test/fixtures/xgb-wine-softprob/model.json";
const SERVICE = `
import { dataframe, defineService, xgboost, z } from "ekiben";
export default defineService({ name: "large" })
  .models({ trees: xgboost("model.json") })
  .api("predict", {
    input: dataframe(z.object({ alcohol: z.number() })),
    handler: (rows) => rows,
  });
`;

async function findPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** The status of a probe; 0 while nobody listens. */
async function ask(url: string): Promise<number> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(60_000) })).status;
  } catch {
    return 0;
  }
}

test("probes are answered while a large model is read, and say that it is not ready", async () => {
  await using home = await makeHome();
  const text = await readFile(MODEL, "utf8");
  // White space is read like all else, and is soon written.
  await writeFile(join(home.services, "model.json"), text + " ".repeat(256 * 1024 * 1024));
  await writeFile(join(home.services, "large.ts"), SERVICE);
  await home.build("large.ts");
  const port = await findPort();
  const serving = home.serve(["large", "--port", String(port)]);
  const url = `http://127.0.0.1:${port}`;
  let live = 0;
  let isReady = false;
  for (let tries = 0; !isReady && tries < 100_000; tries++) {
    const ready = await ask(`${url}/readyz`);
    isReady = ready === 200;
    if (ready === 503 && (await ask(`${url}/livez`)) === 200) live++;
    else await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const server = await serving;
  expect(isReady).toBe(true);
  // Each pair of answers is a turn of a loop that a reading of the file on it would have held up.
  expect(live).toBeGreaterThan(10);
  expect(await server.stop()).toBe(0);
}, 180_000);
