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
  await writeFile(join(home.services, "model.json"), text + " ".repeat(160 * 1024 * 1024));
  await writeFile(join(home.services, "large.ts"), SERVICE);
  await home.build("large.ts");
  const port = await findPort();
  const serving = home.serve(["large", "--port", String(port)]);
  const url = `http://127.0.0.1:${port}`;
  let isReady = false;
  let began: number | undefined;
  let last = 0;
  let longest = 0;
  for (let tries = 0; !isReady && tries < 100_000; tries++) {
    const ready = await ask(`${url}/readyz`);
    isReady = ready === 200;
    if (ready === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    if (ready !== 503 || (await ask(`${url}/livez`)) !== 200) continue;
    const now = performance.now();
    began ??= now;
    if (last > 0) longest = Math.max(longest, now - last);
    last = now;
  }
  const took = performance.now() - began!;
  longest = Math.max(longest, performance.now() - last);
  const server = await serving;
  expect(isReady).toBe(true);
  // A file that is read on the loop holds it for most of that time.
  expect(longest / took).toBeLessThan(0.4);
  expect(await server.stop()).toBe(0);
}, 180_000);
