import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeHome, post, type CliHome } from "../cli/run-cli.js";

let home: CliHome;
beforeAll(async () => {
  home = await makeHome();
  await writeFile(join(home.services, "slow.ts"), SLOW);
  await home.build("slow.ts");
});
afterAll(() => home[Symbol.asyncDispose]());

/** A batch takes longer than a request may. */
const SLOW = `import { defineService, json, z } from "ekiben";

export default defineService({ name: "slow" }).api("work", {
  input: json(z.object({ n: z.number() })),
  output: z.number(),
  batch: { maxBatchSize: 10, maxLatencyMs: 200 },
  async handler(items) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return items.map(({ n }) => n);
  },
});
`;

test("a refusal says what stands in its way, and the log says that it was refused", async () => {
  const server = await home.serve(["slow", "--port", "0"]);
  const ask = (n: number) => post(`${server.url}/work`, { n });
  // So many calls have to be measured; whoever is alone is tried whatever the estimate says.
  for (let n = 0; n < 3; n++) expect((await ask(n)).status).toBe(200);
  const answers = await Promise.all(Array.from({ length: 6 }, (_, n) => ask(n)));
  const refused = answers.filter(({ status }) => status === 503).map(({ body }) => body);
  expect(refused.length).toBeGreaterThan(0);
  const alone = refused.find(({ detail }) => detail.includes("by itself"));
  expect(alone).toMatchObject({
    code: "DEADLINE_UNREACHABLE",
    detail: expect.stringMatching(
      /^"work" cannot answer within 200 ms: a batch of its 1 item would take about 3\d\d ms, more than that by itself; the request (took \d+ ms to get here, it )?has waited \d/,
    ),
  });
  for (const { detail } of refused) expect(detail).not.toContain("0 requests");
  expect(await server.stop()).toBe(0);
  const lines = server.output().trim().split("\n");
  const told = lines
    .map((line) => JSON.parse(line))
    .filter((line) => line["http.response.status_code"] === 503);
  expect(told[0]).toMatchObject({
    message: "request refused",
    code: "DEADLINE_UNREACHABLE",
    detail: expect.stringContaining("cannot answer within 200 ms"),
    "http.request.id": expect.any(String),
  });
  expect(server.output()).not.toContain("not answered");
});
