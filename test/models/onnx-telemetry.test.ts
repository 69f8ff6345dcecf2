import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const model = resolve("test/fixtures/skl-iris-logreg-nozipmap/model.onnx");
const PROGRAM = `
import { defineService, json, onnx, z } from "ekiben";
const service = defineService({ name: "iris" })
  .models({ iris: onnx(${JSON.stringify(model)}) })
  .api("ready", { input: json(z.boolean()), handler: (x) => x });
console.log(await service.call.ready(true));
`;

test("onnxruntime keeps no record of its use and sends none", async () => {
  const home = await mkdtemp(join(tmpdir(), "ekiben-home-"));
  try {
    const { ORT_DISABLE_TELEMETRY: _, ...rest } = process.env;
    const env = { ...rest, HOME: home, USERPROFILE: home, XDG_CACHE_HOME: join(home, ".cache") };
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", PROGRAM],
      { env },
    );
    expect(stdout).toContain("true");
    expect(await readdir(home, { recursive: true })).toEqual([]);
  } finally {
    await rm(home, { recursive: true });
  }
});
