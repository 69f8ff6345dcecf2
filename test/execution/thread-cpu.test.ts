import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { readThreadCpu } from "../../sdk/execution/main/thread-cpu.js";

// Elsewhere only the time of the whole process is to be had.
const isTold = process.platform === "linux" || "threadCpuUsage" in process;

test.skipIf(!isTold)("what another thread computes is no time of this one", async () => {
  const other = new Worker("for (;;);", { eval: true });
  try {
    const all = process.cpuUsage();
    const before = readThreadCpu();
    let used = 0;
    while (used < 300_000) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const { user, system } = process.cpuUsage(all);
      used = user + system;
    }
    expect(readThreadCpu() - before).toBeLessThan(150);
  } finally {
    await other.terminate();
  }
});

test("what this thread computes is its time", () => {
  const before = readThreadCpu();
  const all = process.cpuUsage();
  let sum = 0;
  do {
    for (let at = 0; at < 1e5; at++) sum += Math.sqrt(at);
  } while (process.cpuUsage(all).user < 100_000);
  expect(sum).toBeGreaterThan(0);
  expect(readThreadCpu() - before).toBeGreaterThan(20);
});
