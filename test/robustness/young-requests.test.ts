import { Agent } from "node:http";
import { expect, test } from "vitest";
import { makeChurnHome } from "./churn.js";
import { predict } from "./traffic.js";

const TRACE = `import v8 from "node:v8"; v8.setFlagsFromString("--trace-gc");`;
const SCAVENGE = /Scavenge (?:\([^)]*\) )?[\d.]+ \([\d.]+\) -> ([\d.]+) \([\d.]+\) MB/;
const MAJOR = /: Mark-/;

/** What stayed of the heap from one collection of young objects to the next, in MiB. */
function sumGrowth(output: string): { grownMiB: number; collections: number } {
  let last: number | undefined;
  let grownMiB = 0;
  let collections = 0;
  for (const line of output.split("\n")) {
    // What a collection of everything left is another beginning.
    if (MAJOR.test(line)) last = undefined;
    const after = SCAVENGE.exec(line)?.[1];
    if (after === undefined) continue;
    if (last !== undefined) grownMiB += Math.max(0, Number(after) - last);
    last = Number(after);
    collections++;
  }
  return { grownMiB, collections };
}

// A request that outlives a collection or two is copied each time, and waits for one of everything:
// an eighth of what a small request costs.
test("requests that are over are gone at the next collection of young objects", async () => {
  await using home = await makeChurnHome("--no-verify");
  const server = await home.serve(["churn", "--port", "0"], {
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(TRACE)}` },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const ask = async (requests: number): Promise<void> => {
    const faults = await Promise.all(
      Array.from({ length: 16 }, async (_, client) => {
        let fault: string | undefined;
        for (let at = client; at < requests && fault === undefined; at += 16) {
          fault = await predict(server.url, at, 1, agent);
        }
        return fault;
      }),
    );
    expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
  };
  // Code that is being compiled makes objects that stay.
  await ask(6000);
  const before = server.output().length;
  const requests = 12_000;
  await ask(requests);
  const { grownMiB, collections } = sumGrowth(server.output().slice(before));
  agent.destroy();
  expect(await server.stop()).toBe(0);
  expect(collections).toBeGreaterThan(3);
  expect((grownMiB * 2 ** 20) / requests).toBeLessThan(600);
}, 120_000);
