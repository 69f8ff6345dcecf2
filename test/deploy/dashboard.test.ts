import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { printDashboard } from "../../sdk/deploy/monitoring/dashboard.js";
import { PANELS } from "../../sdk/deploy/monitoring/panels.js";
import { writeMonitoring } from "../../sdk/deploy/monitoring/write-monitoring.js";
import { makeFolder } from "../bundle/temporary-folder.js";
import { makeHome } from "../cli/run-cli.js";
import { isMissing, NEEDS, promtool } from "./promtool.js";

interface DrawnPanel {
  id: number;
  type: string;
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string; legendFormat: string; refId: string }[];
}

test("a dashboard has every panel once, none over another, each with its queries", () => {
  const { panels } = JSON.parse(printDashboard()) as { panels: DrawnPanel[] };
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = new Set<string>();
  for (const { title, gridPos } of panels) {
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(cells, `${title} lies over another panel`).not.toContain(`${x},${y}`);
        cells.add(`${x},${y}`);
      }
    }
  }
  expect(panels.filter(({ type }) => type === "row").map(({ title }) => title)).toEqual(
    PANELS.map(({ title }) => title),
  );
  expect(panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))).toEqual(
    PANELS.flatMap((row) => row.panels.flatMap(({ queries }) => queries.map((q) => q.expression))),
  );
});

test("files that are there are kept, unless asked otherwise", async () => {
  await using folder = await makeFolder({ "ekiben-alerts.yaml": "mine" });
  const path = `${folder.path}/ekiben-alerts.yaml`;
  await expect(writeMonitoring(folder.path, { overwrite: false })).rejects.toMatchObject({
    code: "COMMAND_INVALID",
    message: expect.stringContaining(path),
  });
  expect(await readFile(path, "utf8")).toBe("mine");
  expect(await writeMonitoring(folder.path, { overwrite: true })).toContain(path);
  expect(await readFile(path, "utf8")).toContain("EkibenErrors");
  expect(await readdir(folder.path)).toHaveLength(3);
});

test("the command writes them, and says where", async () => {
  await using home = await makeHome();
  const { code, stdout } = await home.run(["metrics", "dashboard", "--out", "monitoring"]);
  expect(code).toBe(0);
  expect(stdout.trim().split("\n")).toEqual(
    ["ekiben-dashboard.json", "ekiben-alerts.yaml", "prometheus.yaml"].map((name) =>
      join("monitoring", name),
    ),
  );
  const again = await home.run(["metrics", "dashboard", "--out", "monitoring"]);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("--force")]);
});

describe.skipIf(isMissing)(`the configuration (${NEEDS})`, () => {
  test("is one that Prometheus takes, with its rules", async () => {
    await using folder = await makeFolder({});
    await writeMonitoring(folder.path, { overwrite: false });
    const { code, text } = await promtool(["check", "config", `${folder.path}/prometheus.yaml`]);
    expect(text).toContain("is valid prometheus config file syntax");
    expect(text).toContain("rules found");
    expect(code).toBe(0);
  });
});
