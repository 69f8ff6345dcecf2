import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { findDifference } from "../../sdk/bundle/find-difference.js";
import { spawnServer } from "../../sdk/server/spawn-server.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cli = join(root, "dist/sdk/cli/main.js");
const run = promisify(execFile);
const examples = readdirSync(join(root, "examples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  // Those without have a test of their own.
  .filter((name) => existsSync(join(root, "examples", name, "request.json")));

describe("examples", () => {
  it.each(examples)("%s is built, served and answers as shown", async (name) => {
    const home = mkdtempSync(join(tmpdir(), "ekiben-example-"));
    const folder = join(root, "examples", name);
    const read = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), "utf8"));
    try {
      // From the folder that a reader of the README stands in.
      const built = await run(
        process.execPath,
        [cli, "build", join("examples", name, "service.ts"), "--output", join(home, "bundle")],
        { cwd: root, env: { ...process.env, EKIBEN_HOME: home } },
      );
      expect(built.stdout).toContain(name);
      const server = await spawnServer(join(home, "bundle"));
      try {
        const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
          paths: Record<string, { post?: object }>;
        };
        const printed = await run(process.execPath, [cli, "openapi", join(home, "bundle")]);
        expect(JSON.parse(printed.stdout)).toEqual(document);
        const path = Object.keys(document.paths).find((one) => document.paths[one]!.post)!;
        const response = await fetch(`${server.url}${path}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(read("request.json")),
        });
        expect(response.status).toBe(200);
        // What a model computes may end otherwise on another processor.
        expect(findDifference(read("response.json"), await response.json(), 1e-5)).toBe(undefined);
      } finally {
        await server.stop();
      }
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});
