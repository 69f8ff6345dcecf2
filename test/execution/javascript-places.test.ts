import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeHome, post } from "../cli/run-cli.js";

const SERVICE = `
import { threadId } from "node:worker_threads";
import { defineService, json, model, z } from "ekiben";

const scale = (execution: "loop" | "worker") =>
  model({
    value: { factor: 3 },
    fromJSON: (saved: { factor: number }) => saved,
    predict({ factor }, rows: Float64Array | number[]) {
      if (rows[0] === 13) throw new RangeError("not thirteen");
      return { rows: Array.from(rows, (x) => x * factor), threadId };
    },
    execution,
  });

export default defineService({ name: "scale" })
  .models({ here: scale("loop"), apart: scale("worker") })
  .api("both", {
    route: "both",
    input: json(z.array(z.number())),
    output: z.any(),
    example: [1],
    async handler(rows, { models }) {
      const given = Float64Array.from(rows);
      return [await models.here.predict(given), await models.apart.predict(given), given.length];
    },
  })
  .api("wrong", {
    route: "wrong",
    input: json(z.any()),
    output: z.any(),
    async handler(_, { models }) {
      try {
        return await models.apart.predict(new (class Table {})() as never);
      } catch (error) {
        return (error as Error).message;
      }
    },
  });
`;

it("computes with an author's functions in a worker of a bundle, as on the loop", async () => {
  await using home = await makeHome();
  await writeFile(join(home.services, "scale.ts"), SERVICE);
  await home.build("scale.ts");
  const server = await home.serve(["scale", "--port", "0"]);
  const { body } = await post(`${server.url}/both`, [1, 2.5]);
  const [here, apart, length] = body as [Answer, Answer, number];
  expect(here).toEqual({ rows: [3, 7.5], threadId: 0 });
  expect(apart.rows).toEqual(here.rows);
  expect(apart.threadId).toBeGreaterThan(0);
  // What was given is still the handler's.
  expect(length).toBe(2);

  const metadata = (await (await fetch(`${server.url}/metadata`)).json()) as Metadata;
  const places = metadata.models.map(({ name, execution }) => [name, execution.place]);
  expect(Object.fromEntries(places)).toEqual({ here: "loop", apart: "worker" });

  expect((await post(`${server.url}/both`, [13])).status).toBe(500);
  await expect.poll(server.output, { timeout: 10_000 }).toContain("not thirteen");
  const wrong = await post(`${server.url}/wrong`, 1);
  expect(wrong.body).toMatch(/"apart" computes in a worker, which cannot take a Table\. Give it/);
  expect(await server.stop()).toBe(0);
});

interface Answer {
  rows: number[];
  threadId: number;
}

interface Metadata {
  models: { name: string; execution: { place: string } }[];
}
