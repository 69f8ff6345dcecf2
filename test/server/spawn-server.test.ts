import { spawn } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { spawnServer } from "../../sdk/server/spawn-server.js";
import { SUPERVISED } from "../../sdk/server/supervised.js";
import { buildScale, PROJECT } from "../bundle/made-bundle.js";
import { makeFolder } from "../bundle/temporary-folder.js";

const SOURCE = `
import { defineService, json, z } from "ekiben";
export default defineService({ name: "scale" })
  .api("predict", {
    route: "v1/predict",
    input: json(z.object({ x: z.number() })),
    handler: ({ x }) => ({ y: x * 3 + 1 }),
  });
`;

test("a server in a process of its own answers, and ends when it is stopped", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory } = await buildScale(folder.path, { source: SOURCE });
  const server = await spawnServer(directory);
  const response = await fetch(`${server.url}/v1/predict`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"x":2}',
  });
  expect(await response.json()).toEqual({ y: 7 });
  await server.stop();
  expect(server.output()).toContain("stopped");
  await expect(fetch(server.url)).rejects.toThrow();
});

test("the error that a server ended with is the error of starting it", async () => {
  await using folder = await makeFolder(PROJECT);
  const source = `throw new Error("the reason");\n${SOURCE}`;
  const { directory } = await buildScale(folder.path, { source });
  await expect(spawnServer(directory)).rejects.toMatchObject({
    code: "SERVICE_SETUP_FAILED",
    message: expect.stringContaining("the reason"),
  });
  await expect(spawnServer(join(folder.path, "gone"))).rejects.toMatchObject({
    code: "BUNDLE_NOT_FOUND",
  });
});

test("a server that dies without a word of ours is told with its exit code and last words", async () => {
  await using folder = await makeFolder(PROJECT);
  const source = `process.stderr.write("last words\\n"); process.exitCode = 7; process.exit();\n${SOURCE}`;
  const { directory } = await buildScale(folder.path, { source });
  await expect(spawnServer(directory)).rejects.toMatchObject({
    code: "SERVICE_SETUP_FAILED",
    message: expect.stringMatching(/exit code 7.*last words/s),
  });
});

test("a server that is not ready in time is ended", async () => {
  await using folder = await makeFolder(PROJECT);
  const source = `await new Promise((resolve) => setTimeout(resolve, 60_000));\n${SOURCE}`;
  const { directory } = await buildScale(folder.path, { source });
  await expect(spawnServer(directory, { timeoutMs: 1_500 })).rejects.toMatchObject({
    code: "SERVICE_SETUP_FAILED",
    message: expect.stringContaining("not ready after 1500 ms"),
  });
});

test.skipIf(process.platform === "win32").each([0, 40, 120, 400])(
  "a server ends when its starter is killed %i ms after starting it",
  async (afterMs) => {
    await using folder = await makeFolder(PROJECT);
    const { directory } = await buildScale(folder.path, { source: SOURCE });
    const program = `
      const child = require("node:child_process").spawn(
        process.execPath,
        [${JSON.stringify(resolve("dist/sdk/cli/main.js"))}, "serve", ${JSON.stringify(directory)}, "--port", "0"],
        { env: { ...process.env, ${SUPERVISED}: "1" }, stdio: ["ignore", "ignore", "ignore", "ipc"] },
      );
      process.stdout.write(child.pid + "\\n");`;
    const starter = spawn(process.execPath, ["-e", program]);
    const [line] = (await once(starter.stdout, "data")) as [Buffer];
    const pid = Number(line);
    await sleep(afterMs);
    starter.kill("SIGKILL");
    const gone = await (async () => {
      for (let attempt = 0; attempt < 600; attempt++) {
        try {
          process.kill(pid, 0);
        } catch {
          return true;
        }
        await sleep(25);
      }
      process.kill(pid, "SIGKILL");
      return false;
    })();
    expect(gone).toBe(true);
  },
);
