import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { makeHome, type CliHome } from "../cli/run-cli.js";

const isAside = (name: string) => name.startsWith(".saving-");

/** Kills a build this long after it has begun to write, and answers what was left of it. */
async function killBuild(home: CliHome, afterMs: number): Promise<string[]> {
  const bundles = join(home.store, "bundles");
  const before = existsSync(bundles) ? readdirSync(bundles) : [];
  const child = spawn(
    process.execPath,
    [resolve("dist/sdk/cli/main.js"), "build", resolve("test/robustness/churn-service.ts")],
    { env: { ...process.env, EKIBEN_HOME: home.store }, stdio: "ignore" },
  );
  const closed = once(child, "close");
  const began = () =>
    existsSync(bundles) && readdirSync(bundles).some((name) => !before.includes(name));
  for (let attempt = 0; attempt < 10_000 && !began(); attempt++) await sleep(1);
  await sleep(afterMs);
  const started = findChildren(child.pid!);
  expect(child.kill("SIGKILL")).toBe(true);
  expect(await closed).toEqual([null, "SIGKILL"]);
  // The server that was to try the bundle out must not outlive the build.
  for (let attempt = 0; attempt < 500 && started.some(isAlive); attempt++) await sleep(10);
  expect(started.filter(isAlive)).toEqual([]);
  return readdirSync(bundles).filter((name) => !before.includes(name));
}

function findChildren(pid: number): number[] {
  const table = execFileSync("ps", ["-A", "-o", "ppid=,pid="], { encoding: "utf8" });
  return table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([parent]) => parent === pid)
    .map(([, child]) => child!);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test.skipIf(process.platform === "win32")(
  "a build that is killed while it saves leaves no bundle, and the next one is not disturbed",
  async () => {
    await using home = await makeHome();
    for (const afterMs of [0, 5, 300]) {
      const left = await killBuild(home, afterMs);
      expect(left.filter((name) => !isAside(name))).toEqual([]);
      expect(left).toHaveLength(1);
    }
    const listed = await home.run(["list"]);
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining("is empty") });
    const served = await home.run(["serve", "churn", "--port", "0"]);
    expect(served.stderr).toMatch(/^error BUNDLE_NOT_FOUND: /);

    const built = await home.run(["build", resolve("test/robustness/churn-service.ts")]);
    expect(built).toMatchObject({ code: 0 });
    const after = JSON.parse((await home.run(["list", "--json"])).stdout) as { name: string }[];
    expect(after.map(({ name }) => name)).toEqual(["churn"]);
  },
);
