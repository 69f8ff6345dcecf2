import { describe, expect, it } from "vitest";
import { findModelVersions } from "../../sdk/mlflow/find-versions.js";
import type { ModelVersion } from "../../sdk/mlflow/registry.js";
import { createMlflowServer } from "./server.js";

async function collect(found: AsyncIterable<ModelVersion>): Promise<ModelVersion[]> {
  const all: ModelVersion[] = [];
  for await (const one of found) all.push(one);
  return all;
}

describe("a search for versions", () => {
  it("finds those of a name, the highest first, with stages and aliases", async () => {
    await using server = await createMlflowServer();
    const found = await collect(findModelVersions({ name: "iris-xgb", trackingUri: server.url }));
    expect(found.map(({ version, stage, aliases }) => [version, stage, aliases])).toEqual([
      ["3", "None", ["champion"]],
      ["2", "Production", []],
      ["1", "Archived", ["old-one"]],
    ]);
    expect(found[0]).toMatchObject({ name: "iris-xgb", status: "READY", tags: {} });
    expect(found[0]!.created).toBeInstanceOf(Date);
    // The parameter is `filter`; MLflow ignores `filter_string` and answers everything.
    expect(server.seen[0]!.query.get("filter")).toBe("name = 'iris-xgb'");
  });

  it("takes page after page, and none that is not asked for", async () => {
    await using server = await createMlflowServer();
    const pages = (): number => server.log().filter((line) => line.endsWith("/search")).length;
    const all = await collect(findModelVersions({ trackingUri: server.url, pageSize: 3 }));
    expect(all).toHaveLength(server.versions.length);
    expect(new Set(all.map(({ name, version }) => `${name} ${version}`)).size).toBe(all.length);
    expect(pages()).toBe(Math.ceil(all.length / 3));
    const before = pages();
    for await (const one of findModelVersions({ trackingUri: server.url, pageSize: 3 })) {
      expect(one.name).toBeTruthy();
      break;
    }
    expect(pages()).toBe(before + 1);
  });

  it("ends when a server gives the same page for ever", async () => {
    await using server = await createMlflowServer({
      intercept(seen, response) {
        if (!seen.path.endsWith("model-versions/search")) return false;
        response.end(JSON.stringify({ next_page_token: "again" }));
        return true;
      },
    });
    expect(await collect(findModelVersions({ trackingUri: server.url }))).toEqual([]);
    expect(server.seen).toHaveLength(2);
  });

  it("adds conditions, quotes names, and says which it cannot", async () => {
    await using server = await createMlflowServer();
    const { trackingUri } = { trackingUri: server.url };
    const runId = server.versions[1]!.run_id;
    const byRun = await collect(
      findModelVersions({ trackingUri, name: "iris-xgb", filter: `run_id = '${runId}'` }),
    );
    expect(byRun.map(({ version }) => version)).toEqual(["2"]);
    expect(await collect(findModelVersions({ trackingUri, name: "it's" }))).toEqual([]);
    expect(server.seen.at(-1)!.query.get("filter")).toBe(`name = "it's"`);
    await expect(
      collect(findModelVersions({ trackingUri, name: `it's "new"` })),
    ).rejects.toMatchObject({ code: "REGISTRY_REFUSED" });
  });
});
