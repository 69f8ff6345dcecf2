import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { makeHome } from "../cli/run-cli.js";
import { loadXGBoostFixture, toBits, toFloats } from "../models/xgboost-fixture.js";
import { createNotebookSession } from "../notebook/notebook-session.js";
import { createMlflowServer } from "./server.js";

const page = readFileSync(
  fileURLToPath(new URL("../../sdk/mlflow/mlflow.md", import.meta.url)),
  "utf8",
);

function blocksOf(language: string): string[] {
  const block = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm");
  return Array.from(page.matchAll(block), (match) => match[1]!);
}

/** What the page says of a model named churn, of one that the server has. */
const renamed = (text: string): string =>
  text.replaceAll('"churn"', '"iris-xgb"').replace("models:/churn/", "models:/iris-xgb/");

it("shows cells that run as they stand, against a server that has the model", async () => {
  const [service, search, ...more] = blocksOf("ts");
  expect(more).toEqual([]);
  await using server = await createMlflowServer();
  const version = server.versions.find(({ current_stage }) => current_stage === "Production")!;
  version.tags = [{ key: "team", value: "growth" }];
  // A model that answers one number a row, as that of the page does.
  const fixture = loadXGBoostFixture("xgb-diabetes-squarederror");
  const columns = Object.keys(fixture.records[0]!).map((name) => ({ name, type: "double" }));
  const mlmodel = {
    flavors: { xgboost: { data: "model.json" } },
    signature: { inputs: JSON.stringify(columns), outputs: '[{"type":"double"}]' },
  };
  const root = `1/${version.run_id}/artifacts/model`;
  server.files.set(`${root}/MLmodel`, Buffer.from(JSON.stringify(mlmodel)));
  server.files.set(`${root}/model.json`, readFileSync(fixture.files[0]!));
  await using session = await createNotebookSession();
  await session.run(`process.env.MLFLOW_TRACKING_URI = ${JSON.stringify(server.url)};`);
  await session.run(renamed(service!));
  const rows = fixture.records.slice(0, 2);
  const answer = await session.evaluate<number[]>(
    `await service.call.predict(${JSON.stringify(rows)})`,
  );
  expect(toBits(answer)).toEqual(toBits(toFloats(fixture.expected.prediction.slice(0, 2))));
  expect(await session.run(renamed(search!))).toContain("2 Production [] ");
});

it("shows commands that search, show and pull", async () => {
  await using server = await createMlflowServer();
  await using home = await makeHome();
  const env = { MLFLOW_TRACKING_URI: server.url };
  const lines = blocksOf("console")[0]!
    .split("\n")
    .filter((line) => line.includes("npx ekiben"));
  expect(lines).toHaveLength(3);
  const results = [];
  for (const line of lines) {
    results.push(await home.run(line.replace("$ npx ekiben ", "").split(" "), { env }));
  }
  const [searched, shown, pulled] = results;
  expect(searched!.stdout).toMatch(/models:\/iris-xgb\/3 .*@champion.*\n.*\/2 +Production/);
  expect(shown!.stdout).toMatch(/means +iris-xgb version 3\n/);
  expect(shown!.stdout).toMatch(/served as +xgboost\n/);
  expect(shown!.stdout).toMatch(/input +sepal length \(cm\) +double/);
  expect(shown!.stdout).toMatch(/model\.\w+ +\d/);
  expect(pulled).toMatchObject({ code: 0, stdout: expect.stringMatching(/^iris-xgb:\d{8}-/) });
  const listed = await home.run(["models", "show", "iris-xgb@production", "--json"]);
  expect(JSON.parse(listed.stdout)).toMatchObject({
    kind: "xgboost",
    entry: "model.json",
    provenance: {
      source: "mlflow",
      uri: "models:/iris-xgb/Production",
      resolved: "models:/iris-xgb/2",
      runId: server.versions[1]!.run_id,
    },
  });

  const again = await home.run(["mlflow", "pull", "models:/iris-xgb/2", "--quiet"], { env });
  expect(again.stderr).toContain("unchanged, pulled before");
  const one = await home.run(["mlflow", "search", "--limit", "2", "--json"], { env });
  expect(JSON.parse(one.stdout)).toHaveLength(2);
  expect(one.stderr).toContain("There are more");
  expect((await home.run(["mlflow", "search", "nothing"], { env })).stdout).toContain("no version");
  const sklearn = await home.run(["mlflow", "show", "models:/iris-sklearn/1"], { env });
  expect(sklearn.stdout).toMatch(/served as +not at all\. .*Python only/);
  const run = `runs:/${server.versions[1]!.run_id}/model`;
  expect((await home.run(["mlflow", "pull", run], { env })).stderr).toMatch(
    /COMMAND_INVALID.*\n.*--name/,
  );
  expect((await home.run(["mlflow", "pull", run, "--name", "of-a-run"], { env })).code).toBe(0);
  const nowhere = { MLFLOW_TRACKING_URI: "http://127.0.0.1:9" };
  expect(
    (
      await home.run(["mlflow", "search"], {
        env: { ...nowhere, MLFLOW_HTTP_REQUEST_MAX_RETRIES: "0" },
      })
    ).stderr,
  ).toMatch(/^error REGISTRY_UNREACHABLE/);
});
