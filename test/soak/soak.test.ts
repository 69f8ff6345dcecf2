import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { expect, test } from "vitest";
// The tool runs without a build step, so it is not written in TypeScript.
// @ts-expect-error it has no types
import * as trends from "./trend.js";

const createTrend = trends.createTrend as (
  name: string,
  bound: { most: number },
) => { add(value: number): void; findings(): string[] };

test("half a minute of use, reloads and a killed worker leaves servers right", async () => {
  const child = spawn(process.execPath, [resolve("test/soak/run.js"), "--minutes", "0.5"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const [code] = (await once(child, "close")) as [number | null];
  // What is held grows while a server warms up, which half a minute does not outlast.
  const findings = output.split("\n").filter((line) => line.includes("FINDING"));
  expect(findings.filter((line) => !/ grew from /.test(line))).toEqual([]);
  if (findings.length === 0) expect(code, output).toBe(0);
  expect(output).toMatch(/serving: \d+ answers, all right/);
  expect(output).toMatch(/workers: \d+ answers, \d+ cut by kills/);
});

test("what grows is a finding, and what goes up and down is not", () => {
  const growing = createTrend("memory", { most: 10 });
  const steady = createTrend("memory", { most: 10 });
  for (let at = 0; at < 60; at++) {
    growing.add(100 + at);
    steady.add(100 + (at % 7) * 3);
  }
  expect(growing.findings()).toEqual([expect.stringMatching(/memory grew from \d+ to \d+/)]);
  expect(steady.findings()).toEqual([]);
});
