import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { CUSTOMERS, isRight, makeChurnHome } from "./churn.js";
import { predict, send } from "./traffic.js";

test("SIGTERM amid batches, a large table and bodies under way loses nothing that was accepted", async () => {
  await using home = await makeChurnHome("--no-verify");
  const server = await home.serve(["churn", "--port", "0"]);
  const agent = new Agent({ keepAlive: true, maxSockets: 24 });
  let answered = 0;
  const ends: string[] = [];
  const clients = Array.from({ length: 24 }, async (_, client) => {
    for (let at = client; ; at++) {
      const fault = await predict(server.url, at, 1 + (at % 5), agent);
      if (fault === undefined) answered++;
      else return void ends.push(fault);
    }
  });
  await sleep(300);
  const asked = Array.from({ length: 60_000 }, (_, at) => CUSTOMERS[at % CUSTOMERS.length]!);
  const table = send(`${server.url}/v1/predict`, JSON.stringify(asked.map(({ row }) => row)));
  const slow = send(`${server.url}/v1/repeat`, JSON.stringify({ text: "kept", waitMs: 1_000 }));
  await sleep(150);
  server.child.kill("SIGTERM");
  const [tableAnswer, slowAnswer] = await Promise.all([table, slow]);
  expect(tableAnswer.status).toBe(200);
  expect(isRight(JSON.parse(tableAnswer.body), asked)).toBe(true);
  expect(slowAnswer).toMatchObject({ status: 200, body: '"kept"' });
  await Promise.all(clients);
  expect(await server.exited).toBe(0);
  expect(answered).toBeGreaterThan(20);
  // Each ended because the server took no more connections, and for no other reason.
  expect(ends.filter((end) => !end.includes("ECONNREFUSED"))).toEqual([]);
  agent.destroy();
});

test("a signal as soon as the server says that it answers ends it in order", async () => {
  await using home = await makeChurnHome("--no-verify");
  for (let round = 0; round < 3; round++) {
    const server = await home.serve(["churn", "--port", "0"]);
    expect(await server.stop()).toBe(0);
  }
});
