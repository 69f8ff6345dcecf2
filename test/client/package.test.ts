import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type BuildResult } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { json } from "../../sdk/inputs/json.js";
import { build as buildApp, listen } from "../http/serving.js";
import { defineService, z } from "./serving.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const entry = join(root, "dist/sdk/client/index.js");

let bundled: BuildResult<{ metafile: true; write: false }>;
beforeAll(async () => {
  bundled = await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    platform: "browser",
    minify: true,
    metafile: true,
    write: false,
    logLevel: "silent",
  });
});

describe("what a page loads with the client", () => {
  test("is the client, a little of core, and one parser", () => {
    // The published file stands on its own, and its map tells what it was made of.
    expect(Object.keys(bundled.metafile.inputs)).toHaveLength(1);
    const { sources } = JSON.parse(readFileSync(`${entry}.map`, "utf8")) as { sources: string[] };
    const files = sources.map((file) =>
      relative(root, join(dirname(entry), file))
        .split(sep)
        .join("/"),
    );
    const rooms = new Set(
      files.map((file) =>
        file.startsWith("sdk/core/") ? file : dirname(file).replace(/\/(dist|src)$/, ""),
      ),
    );
    expect([...rooms].sort()).toEqual([
      "node_modules/eventsource-parser",
      "sdk/client",
      "sdk/core/closest-name.ts",
    ]);
  });

  test("is small", () => {
    const [file] = bundled.outputFiles;
    const { contents } = file!;
    expect(contents.length).toBeLessThan(30_000);
    expect(gzipSync(contents).length).toBeLessThan(12_000);
  });

  test("asks for nothing of Node", () => {
    const text = bundled.outputFiles[0]!.text;
    expect(text).not.toMatch(/node:|require\(|\bprocess\b|setImmediate/);
  });
});

describe("the subpath ekiben/client", () => {
  let project: string;
  beforeAll(() => {
    project = realpathSync(mkdtempSync(join(tmpdir(), "ekiben-client-")));
    mkdirSync(join(project, "node_modules"));
    symlinkSync(root, join(project, "node_modules", "ekiben"), "junction");
  });
  afterAll(() => {
    rmSync(project, { recursive: true });
  });

  const run = (...args: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      execFile(process.execPath, args, { cwd: project }, (error, stdout, stderr) =>
        error === null && stderr === "" ? resolve(stdout) : reject(error ?? new Error(stderr)),
      );
    });

  test("works in a script, which ends by itself", async () => {
    const service = defineService({ name: "adder" }).api("add", {
      input: json(z.object({ x: z.number() })),
      handler: ({ x }) => x + 1,
    });
    const { app } = await buildApp(service.definition);
    await using serving = await listen(app);
    const script = join(project, "script.mjs");
    writeFileSync(
      script,
      `import { createClient, ClientError } from "ekiben/client";
       const client = createClient(${JSON.stringify(serving.url)});
       console.log(await client.add({ x: 1 }));
       const error = await client.add({ x: "a" }).catch((thrown) => thrown);
       console.log(error instanceof ClientError, error.code);`,
    );
    expect(await run(script)).toBe("2\ntrue INPUT_INVALID\n");
  });

  test("can be required, and is no part of the main entry, which servers load", async () => {
    const script = join(project, "script.cjs");
    writeFileSync(
      script,
      `const client = require("ekiben/client");
       console.log("createClient" in require("ekiben"), Object.keys(client).sort().join());`,
    );
    expect(await run(script)).toBe("false ClientError,createClient,loadContract\n");
  });
});
