import { chmod, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FIXTURES } from "../models/fixture.js";
import { makeHome, post } from "./run-cli.js";

const TREES = join(FIXTURES, "xgb-breast-cancer-binary/model.json");
const IRIS = join(FIXTURES, "lgb-iris-multiclass/model.txt");

test("a model goes into the store, is listed, shown, tagged and removed", async () => {
  await using home = await makeHome();
  const run = async (...args: string[]) => home.run(["models", ...args]);
  expect((await run("list")).stdout).toContain("has no models.");
  const facts = ["--label", "team=growth", "--metric", "auc=0.91", "--alias", "production"];
  const imported = await run("import", TREES, "--name", "trees", ...facts, "--version", "1.0");
  expect(imported).toMatchObject({ code: 0, stdout: "trees:1.0\n" });
  expect(imported.stderr).toContain("imported as xgboost");
  expect((await run("import", TREES, "--name", "trees")).stderr).toContain("imported before");
  await run("import", IRIS, "--name", "iris");

  const listed = await run("list", "trees");
  expect(listed.stdout).toMatch(/trees:1\.0 +xgboost .*production +auc=0\.91 +team=growth/);
  expect((await run("list", "--label", "team=other")).stdout).toContain("with these labels");
  expect(JSON.parse((await run("list", "--json")).stdout)).toMatchObject([
    { name: "iris", kind: "lightgbm" },
    { name: "trees", version: "1.0", tag: "trees:1.0", aliases: ["production"] },
  ]);
  const tagged = await run(
    "tag",
    "trees@production",
    "--metric",
    "f1=0.5",
    "--remove-label",
    "team",
  );
  expect(tagged.stdout).toBe("trees:1.0  @production  auc=0.91 f1=0.5\n");
  const shown = await run("show", "trees");
  expect(shown.stdout).toMatch(/aliases +production\n.*metrics +auc=0\.91 f1=0\.5\n/s);
  expect(shown.stdout).toMatch(/model\.json +\d+ kB +[0-9a-f]{64}/);

  expect(await run("list", "tres")).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^error MODEL_NOT_FOUND.*\n +Did you mean trees\?/),
  });
  expect(await run("import", TREES, "--name", "x", "--metric", "auc=high")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("key=number"),
  });
  expect(await run("tag", "trees")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("Nothing was given to set"),
  });
  expect((await run("delete", "trees")).stderr).toContain("--yes");
  expect((await run("delete", "trees", "--yes")).stdout).toBe("Removed trees:1.0\n");
  expect((await run("show", "trees")).code).toBe(1);
  expect((await home.run(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test("a service takes its model from the store, and its bundle answers when that is gone", async () => {
  await using home = await makeHome();
  await home.run(["models", "import", IRIS, "--name", "iris", "--alias", "best"]);
  await writeFile(
    join(home.services, "stored.ts"),
    `import { defineService, json, models, z } from "ekiben";
export default defineService({ name: "stored" })
  .models({ trees: models.get("iris@best", { kind: "lightgbm" }) })
  .api("predict", {
    input: json(z.array(z.number())),
    example: [5.1, 3.5, 1.4, 0.2],
    handler: async (row, { models }) => Array.from(await models.trees.predict([row])),
  });
`,
  );
  const built = await home.run(["build", join(home.services, "stored.ts")]);
  expect(built).toMatchObject({ code: 0, stderr: expect.stringContaining("answers 1 sample") });
  const tag = built.stdout.trim();
  const again = await home.run(["build", join(home.services, "stored.ts")]);
  expect(again).toMatchObject({ stdout: `${tag}\n`, stderr: expect.stringContaining("unchanged") });
  expect((await home.run(["show", tag])).stdout).toMatch(/trees +lightgbm +\d+ kB +iris:2\d{7}-/);
  expect((await home.run(["models", "delete", "iris", "--yes"])).code).toBe(0);
  const server = await home.serve([tag, "--port", "0"]);
  const { status, body } = await post(`${server.url}/predict`, [5.1, 3.5, 1.4, 0.2]);
  expect([status, body.length]).toEqual([200, 3]);
  const metadata = (await (await fetch(`${server.url}/metadata`)).json()) as { models: object[] };
  expect(metadata.models).toMatchObject([
    { name: "trees", kind: "lightgbm", provenance: { model: "iris" } },
  ]);
  await server.stop();
  const gone = await home.run(["build", join(home.services, "stored.ts")]);
  expect(gone).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error MODEL_NOT_FOUND/) });
});

test("processes that import and remove at once leave every model whole", async () => {
  await using home = await makeHome();
  const put = (file: string, name: string, ...more: string[]) =>
    home.run(["models", "import", file, "--name", name, ...more]);
  await put(TREES, "one", "--version", "1");
  const results = await Promise.all([
    put(TREES, "two", "--version", "1"),
    put(TREES, "one", "--version", "2"),
    home.run(["models", "delete", "one:1", "--yes"]),
    put(IRIS, "one", "--version", "3"),
    put(TREES, "two", "--version", "1"),
    home.run(["models", "tag", "one:1", "--label", "a=b"]),
  ]);
  // The tag may have come after the removal.
  expect(results.slice(0, 5).map(({ code, stderr }) => [code, code === 0 ? "" : stderr])).toEqual(
    Array.from({ length: 5 }, () => [0, ""]),
  );
  const listed = JSON.parse((await home.run(["models", "list", "--json"])).stdout) as {
    tag: string;
  }[];
  expect(listed.map(({ tag }) => tag).sort()).toEqual(["one:2", "one:3", "two:1"]);
  for (const { tag } of listed) {
    expect(await home.run(["models", "show", tag])).toMatchObject({ code: 0 });
  }
  const left = await readdir(join(home.store, "models"));
  expect(left.sort()).toEqual(["blobs", "versions"]);
});

test("a damaged file is named, with what to do", async () => {
  await using home = await makeHome();
  await home.run(["models", "import", IRIS, "--name", "iris"]);
  const blobs = join(home.store, "models/blobs");
  const [blob] = (await readdir(blobs, { recursive: true })).filter((name) => name.length > 60);
  await chmod(join(blobs, blob!), 0o644);
  await writeFile(join(blobs, blob!), "tree\n");
  const shown = await home.run(["models", "show", "iris"]);
  expect(shown.stderr).toMatch(
    /^error MODEL_CORRUPT: The file \S+ of the model "iris:\S+" is not what was stored/,
  );
  expect(shown.stderr).toContain("Import the model again");
  await home.run(["models", "import", IRIS, "--name", "iris"]);
  expect(await home.run(["models", "show", "iris"])).toMatchObject({ code: 0 });
});
