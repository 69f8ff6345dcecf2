import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { expect, test } from "vitest";
// The tool runs without a build step, so it is not written in TypeScript.
// @ts-expect-error it has no types
import * as memory from "./memory.js";
// @ts-expect-error it has no types
import * as tfjs from "./parts/tfjs.js";
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

test(
  "tens of thousands of predictions of TensorFlow.js leave nothing behind",
  {
    timeout: 300_000,
  },
  async () => {
    const lines: string[] = [];
    const run = tfjs.run as (order: object) => Promise<string[]>;
    const say = (text: string): void => void lines.push(text);
    expect(await run({ seconds: 250, predictions: 20_000, say })).toEqual([]);
    expect(lines.length).toBeGreaterThanOrEqual(4);
    for (const line of lines.slice(1)) {
      expect(line).toMatch(/^\d+ predictions: 4 tensors of 2704 bytes, heap [\d.]+ MiB/);
    }
  },
);

test("a tensor more is growth, and a little memory more is none", () => {
  const MIB = 2 ** 20;
  const findGrowth = memory.findGrowth as (before: object, after: object) => string[];
  const before = { tensors: 4, bytes: 64, heap: 30 * MIB, outside: 40 * MIB, rss: 100 * MIB };
  expect(findGrowth(before, { ...before, heap: 33 * MIB, rss: 130 * MIB })).toEqual([]);
  const after = { tensors: 5, bytes: 68, heap: 39 * MIB, outside: 49 * MIB, rss: 165 * MIB };
  expect(findGrowth(before, after)).toEqual([
    "tensors grew from 4 to 5",
    "bytes of tensors grew from 64 to 68",
    "heap grew from 30.0 MiB to 39.0 MiB",
    "memory outside of the heap grew from 40.0 MiB to 49.0 MiB",
    "resident memory grew from 100.0 MiB to 165.0 MiB",
  ]);
});
