import { symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { makeHome, post } from "../cli/run-cli.js";

test("a bundle that imports zod beside ekiben has one zod with it", async () => {
  await using home = await makeHome();
  await symlink(resolve("node_modules/zod"), join(home.path, "node_modules/zod"), "junction");
  await writeFile(
    join(home.services, "zod-twice.ts"),
    `import { defineService, json, z } from "ekiben";
import { z as installed } from "zod";
export default defineService({ name: "zod-twice" }).api("same", {
  input: json(installed.object({ x: installed.number() })),
  handler: () => installed === z,
});`,
  );
  const tag = await home.build("zod-twice.ts");
  const server = await home.serve([tag, "--port", "0"]);
  expect(await post(`${server.url}/same`, { x: 1 })).toMatchObject({ status: 200, body: true });
  expect(await post(`${server.url}/same`, { x: "a" })).toMatchObject({ status: 422 });
  expect(await server.stop()).toBe(0);
});
