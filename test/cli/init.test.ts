import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { initProject } from "../../sdk/cli/init-project.js";
import { makeFolder } from "../bundle/temporary-folder.js";

const read = async (folder: string, name: string) => readFile(join(folder, name), "utf8");

test("an empty folder gets all that an install and an editor need", async () => {
  await using folder = await makeFolder();
  const target = join(folder.path, "My Project");
  const report = await initProject(target);
  expect(report.warnings).toEqual([]);
  const { version } = JSON.parse(await readFile("package.json", "utf8"));
  expect(JSON.parse(await read(target, "package.json"))).toMatchObject({
    name: "my-project",
    private: true,
    type: "module",
    dependencies: { ekiben: `^${version}`, "danfojs-node": expect.any(String) },
    overrides: { "danfojs-node": { xlsx: "npm:@e965/xlsx@0.20.3" } },
    allowScripts: { "onnxruntime-node": false },
  });
  expect(await read(target, ".npmrc")).toBe("onnxruntime-node-install=skip\n");
  expect(JSON.parse(await read(target, "tsconfig.json"))).toHaveProperty("compilerOptions");
});

test("a second run changes nothing", async () => {
  await using folder = await makeFolder();
  await initProject(folder.path);
  const before = await read(folder.path, "package.json");
  expect(await initProject(folder.path)).toEqual({ changes: [], warnings: [] });
  expect(await read(folder.path, "package.json")).toBe(before);
});

test("what is there already stays as it is, in its place and its indentation", async () => {
  const own = {
    name: "own",
    overrides: { lodash: "4.0.0", "danfojs-node": { xlsx: "1.2.3" } },
    devDependencies: { "danfojs-node": "1.1.0" },
    dependencies: { ekiben: "file:../ekiben" },
  };
  await using folder = await makeFolder({
    "package.json": `${JSON.stringify(own, null, "\t")}\n`,
    ".npmrc": "registry=https://registry.example/",
    "tsconfig.json": "// mine",
  });
  const report = await initProject(folder.path);
  const text = await read(folder.path, "package.json");
  expect(text).toContain('\n\t"name": "own"');
  expect(JSON.parse(text)).toEqual({
    name: "own",
    overrides: {
      lodash: "4.0.0",
      "danfojs-node": {
        xlsx: "1.2.3",
        "@tensorflow/tfjs-node": "npm:@tensorflow/tfjs@4.22.0",
        request: "npm:@cypress/request@3.0.10",
      },
    },
    devDependencies: { "danfojs-node": "1.1.0", tslab: expect.any(String) },
    dependencies: { ekiben: "file:../ekiben" },
    allowScripts: expect.any(Object),
  });
  expect(report.warnings).toEqual([
    'package.json has overrides danfojs-node xlsx "1.2.3"; ekiben would write "npm:@e965/xlsx@0.20.3".',
  ]);
  expect(await read(folder.path, ".npmrc")).toBe(
    "registry=https://registry.example/\nonnxruntime-node-install=skip\n",
  );
  expect(await read(folder.path, "tsconfig.json")).toBe("// mine");
});

test("a package.json that is no JSON is left alone", async () => {
  await using folder = await makeFolder({ "package.json": "{ broken" });
  await expect(initProject(folder.path)).rejects.toMatchObject({ code: "COMMAND_INVALID" });
  expect(await read(folder.path, "package.json")).toBe("{ broken");
});
