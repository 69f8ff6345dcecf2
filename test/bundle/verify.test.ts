import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { verifyBundle, type StartedServer } from "../../sdk/bundle/verify.js";
import { answer, buildScale, PROJECT, SAMPLE } from "./made-bundle.js";
import { makeFolder } from "./temporary-folder.js";

/** Starts a server that answers as told, and tells what it was started with. */
function starter(answer: { status?: number; body?: string } | "hang up") {
  const seen = { folder: "", files: [] as string[], bodies: [] as string[], stopped: 0 };
  const start = async (folder: string): Promise<StartedServer> => {
    seen.folder = folder;
    seen.files = await readdir(folder);
    const server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (part: string) => (body += part));
      request.on("end", () => {
        seen.bodies.push(
          `${request.method} ${request.url} ${request.headers["content-type"]} ${body}`,
        );
        if (answer === "hang up") request.socket.destroy();
        else {
          response
            .writeHead(answer.status ?? 200, { "content-type": "application/json" })
            .end(answer.body ?? "");
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      output: () => "the last words of the server",
      async stop() {
        seen.stopped++;
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  };
  return { start, seen };
}

test("samples are sent as recorded to a copy in an empty folder, which is removed", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory } = await buildScale(folder.path);
  const { start, seen } = starter({ body: '{"y":7.0000001}' });
  expect(await verifyBundle(directory, { start })).toMatchObject([
    { sample: "samples/predict-1.json", api: "predict" },
  ]);
  expect(seen.bodies).toEqual(['POST /v1/predict application/json {"x":2}']);
  expect(seen.folder).not.toBe(directory);
  expect(seen.files.sort()).toEqual((await readdir(directory)).sort());
  expect(seen.stopped).toBe(1);
  expect(existsSync(seen.folder)).toBe(false);
});

test.each<[string, Parameters<typeof starter>[0], RegExp]>([
  ["another value", { body: '{"y":7.1}' }, /predict-1\.json.*\.y was 7 and is 7\.1/],
  ["another member", { body: '{"z":7}' }, /\.y was 7 and is absent/],
  ["another status", { status: 422, body: '{"code":"X"}' }, /422 instead of 200.*"code":"X"/],
  ["no JSON", { body: "oops" }, /no JSON: oops/],
  ["no answer", "hang up", /got no answer.*the last words of the server/s],
])("%s fails the verification and stops the server", async (_what, answer, reason) => {
  await using folder = await makeFolder(PROJECT);
  const { directory } = await buildScale(folder.path);
  const { start, seen } = starter(answer);
  await expect(verifyBundle(directory, { start })).rejects.toMatchObject({
    code: "BUNDLE_VERIFY_FAILED",
    message: expect.stringMatching(reason),
  });
  expect(seen.stopped).toBe(1);
  expect(existsSync(seen.folder)).toBe(false);
});

test("the tolerance is the caller's", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory } = await buildScale(folder.path);
  const { start } = starter({ body: '{"y":7.1}' });
  await verifyBundle(directory, { start, tolerance: 0.1 });
  await expect(verifyBundle(directory, { start, tolerance: 0 })).rejects.toThrow();
});

test("a status that was recorded is expected again", async () => {
  await using folder = await makeFolder(PROJECT);
  const sample = { ...SAMPLE, answer: answer(null) };
  const { directory } = await buildScale(folder.path, { samples: [sample] });
  await verifyBundle(directory, { start: starter({ body: "null" }).start });
});

test("a server that does not start leaves no folder behind", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory } = await buildScale(folder.path);
  let copy = "";
  const start = async (folder: string): Promise<StartedServer> => {
    copy = folder;
    throw new Error("no");
  };
  await expect(verifyBundle(directory, { start })).rejects.toThrow("no");
  expect(existsSync(copy)).toBe(false);
});
