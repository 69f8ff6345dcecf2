import { createServer } from "node:net";
import { writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silentLog } from "../../sdk/observability/log.js";
import { serveBundle } from "../../sdk/server/serve.js";
import { buildScale, ekiben, PROJECT, SOURCE } from "../bundle/made-bundle.js";
import { makeFolder } from "../bundle/temporary-folder.js";

const post = async (url: string, body: unknown) => {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
};

test("a bundle is served with its own models, and not with the files they came from", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory, version } = await buildScale(folder.path);
  await folder.write({ "factor.txt": "1000" });
  const server = await serveBundle({ directory, port: 0, log: silentLog, ekiben });
  expect(await post(`${server.address}/v1/predict`, { x: 2 })).toEqual({
    status: 200,
    body: { y: 7 },
  });
  const metrics = await (await fetch(`${server.address}/metrics`)).text();
  expect(metrics).toContain(`ekiben_info{service="scale",version="${version}"} 1`);
  expect(await server.stop()).toEqual({ cut: 0 });
  await expect(fetch(server.address)).rejects.toThrow();
});

test("stopping twice stops once", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory } = await buildScale(folder.path);
  const server = await serveBundle({ directory, port: 0, log: silentLog, ekiben });
  expect(server.stop()).toBe(server.stop());
  await server.stop();
});

test("a service that fails to start frees its port", async () => {
  await using folder = await makeFolder(PROJECT);
  const source = SOURCE.replace(
    '.api("predict"',
    '.setup(() => { throw new Error("no database"); })\n  .api("predict"',
  );
  const { directory } = await buildScale(folder.path, { source });
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  await expect(serveBundle({ directory, port, log: silentLog, ekiben })).rejects.toMatchObject({
    code: "SERVICE_SETUP_FAILED",
    message: expect.stringContaining("no database"),
  });
  await new Promise<void>((resolve, reject) => {
    probe.once("error", reject).listen(port, "127.0.0.1", resolve);
  });
  await new Promise((resolve) => probe.close(resolve));
});

test("nothing of a damaged bundle runs", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory } = await buildScale(folder.path);
  const globals = globalThis as { damagedBundleRan?: boolean };
  await writeFile(join(directory, "service.mjs"), "globalThis.damagedBundleRan = true;");
  await expect(serveBundle({ directory, port: 0, log: silentLog, ekiben })).rejects.toMatchObject({
    code: "BUNDLE_CORRUPT",
  });
  expect(globals.damagedBundleRan).toBeUndefined();
});

test("code with other APIs than its manifest tells is refused", async () => {
  await using folder = await makeFolder(PROJECT);
  const source = SOURCE.replace('.api("predict"', '.api("other"');
  const { directory } = await buildScale(folder.path, { source });
  await expect(serveBundle({ directory, port: 0, log: silentLog, ekiben })).rejects.toMatchObject({
    code: "BUNDLE_CORRUPT",
    facts: { expected: "predict", received: "other" },
  });
});
