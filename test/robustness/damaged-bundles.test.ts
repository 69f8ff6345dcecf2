import { chmod, cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDigest, parseManifest, printManifest } from "../../sdk/bundle/manifest.js";
import { sha256 } from "../../sdk/core/hash.js";
import { makeHome, type CliHome } from "../cli/run-cli.js";

const RAN = "the code of the bundle ran";

let home: CliHome;
let bundle: string;
beforeAll(async () => {
  home = await makeHome();
  const source = await readFile(join(home.services, "iris.ts"), "utf8");
  await writeFile(join(home.services, "loud.ts"), `${source}\nconsole.error("${RAN}");\n`);
  const tag = await home.build("loud.ts");
  bundle = join(home.store, "bundles", tag.replace(":", "/"));
});
afterAll(() => home[Symbol.asyncDispose]());

/** A copy of the bundle of which one file is another. */
async function copyWith(
  name: string,
  path: string,
  change: (bytes: Buffer) => Buffer,
): Promise<string> {
  const copy = join(home.path, name);
  await cp(bundle, copy, { recursive: true });
  // Files of models are read-only.
  await chmod(join(copy, path), 0o644);
  await writeFile(join(copy, path), change(await readFile(join(copy, path))));
  return copy;
}

/** Flips one bit: in the middle, or in the byte after a text. */
function flip(bytes: Buffer, after?: string): Buffer {
  const at = after === undefined ? bytes.length >> 1 : bytes.indexOf(after) + after.length;
  const flipped = Buffer.from(bytes);
  flipped[at]! ^= 1;
  return flipped;
}

test("the bundle is served, and says so, while it is whole", async () => {
  const server = await home.serve([bundle, "--port", "0"]);
  expect(await server.stop()).toBe(0);
  expect(server.output()).toContain(RAN);
});

test.each<[string, string?]>([
  ["service.mjs"],
  ["models/species/model.onnx"],
  ["samples/predict-1.json"],
  ["package.json"],
  ["openapi.json"],
  ["src/loud.ts"],
  ["ekiben.json", '"route": "'],
  ["ekiben.json", '"digest": "'],
])("one flipped bit in %s keeps it from starting, and none of it runs", async (path, after) => {
  const name = `flipped-${path.replaceAll("/", "-")}${after === '"digest": "' ? "-digest" : ""}`;
  const copy = await copyWith(name, path, (bytes) => flip(bytes, after));
  const served = await home.run(["serve", copy, "--port", "0"]);
  expect(served.code).toBe(1);
  expect(served.stderr).toMatch(/^error BUNDLE_CORRUPT: /);
  expect(served.stderr.split("\n")[0]).toContain(path);
  expect(served.stderr + served.stdout).not.toContain(RAN);
});

test.each([
  ["text", Buffer.from("this is not a model\n")],
  ["nothing", Buffer.alloc(0)],
])("a model that is %s under right hashes is refused by its path", async (what, bytes) => {
  const path = "models/species/model.onnx";
  const copy = await copyWith(`model-${what}`, path, () => bytes);
  const file = join(copy, "ekiben.json");
  const manifest = parseManifest(await readFile(file, "utf8"));
  Object.assign(manifest.models[0]!.files[0]!, { sha256: sha256(bytes), size: bytes.length });
  manifest.digest = createDigest(manifest);
  await writeFile(file, printManifest(manifest));
  const served = await home.run(["serve", copy, "--port", "0"]);
  expect(served.code).toBe(1);
  expect(served.stderr).toContain("error MODEL_FILE_INVALID: ");
  expect(served.stderr).toContain(join(copy, path));
  expect(served.stdout).not.toContain("answers on");
});

const BROKEN = (await readdir("test/fixtures/broken")).filter((name) => name !== "README.json");

test("no broken model gets into a bundle, and each is told by its path", async () => {
  const source = await readFile(join(home.services, "iris.ts"), "utf8");
  await cp("test/fixtures/broken", join(home.path, "broken"), { recursive: true });
  const pending = [...BROKEN];
  expect(pending.length).toBeGreaterThan(15);
  const build = async (): Promise<void> => {
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const file = `broken-${name}.ts`;
      const model = join(home.path, "broken", name);
      await writeFile(
        join(home.services, file),
        source
          .replace("../skl-iris-logreg-nozipmap/model.onnx", `../broken/${name}`)
          .replace('name: "iris"', 'name: "broken"'),
      );
      const built = await home.run(["build", join("services", file), "--no-verify"]);
      expect(built.code, name).toBe(1);
      expect(built.stdout, name).toBe("");
      expect(built.stderr, name).toMatch(/^error MODEL_FILE_(INVALID|MISSING): .*\n {2}\S/);
      expect(built.stderr, name).toContain(model);
    }
  };
  await Promise.all([build(), build(), build()]);
  const listed = await home.run(["list", "--json"]);
  expect((JSON.parse(listed.stdout) as { name: string }[]).map(({ name }) => name)).toEqual([
    "iris",
  ]);
});
