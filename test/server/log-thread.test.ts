import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeHome, post, type CliHome, type CliServer } from "../cli/run-cli.js";
import { eventually, listLogs, readLogs } from "../observability/log-folder.js";

let home: CliHome;
beforeAll(async () => {
  home = await makeHome();
  await home.build("mortal.ts");
});
afterAll(() => home[Symbol.asyncDispose]());

/** A connection each, so that every worker gets some of them. */
async function shout(server: CliServer, id: string): Promise<void> {
  const answer = await fetch(`${server.url}/shout`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": id, connection: "close" },
    body: JSON.stringify({ text: `say ${id}` }),
  });
  expect(await answer.json()).toEqual({ text: `SAY ${id.toUpperCase()}` });
}

const idsOf = (lines: readonly string[]): string[] =>
  lines.map((line) => JSON.parse(line)["http.request.id"] as string);

test.each([[[]], [["--workers=2"]]])(
  "a thread that ends is replaced and what it had is counted; requests are answered: %j",
  async (more) => {
    const directory = join(home.path, `ended${more.length}`);
    const server = await home.serve(["mortal", "--port=0", `--log-dir=${directory}`, ...more]);
    const sent: string[] = [];
    const send = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const id = `r-${sent.length}`;
        sent.push(id);
        await shout(server, id);
      }
    };
    let ended = 0;
    const told = () =>
      server.output().match(/the thread that writes the lines about requests has ended/g)?.length;
    for (let round = 0; round < 3; round++) {
      await send(20);
      await eventually(async () => {
        const { body } = await post(`${server.url}/end`, {});
        ended += body.ended as number;
        return ended > round;
      });
      await eventually(() => told() === ended);
      await send(5);
    }
    const scrape = await (await fetch(`${server.url}/metrics`)).text();
    const lost = Array.from(
      scrape.matchAll(/^ekiben_log_dropped_total\{([^}]*stream="prediction"[^}]*)\} (\d+)$/gm),
    );
    expect(lost.every(([, labels]) => labels!.includes('reason="thread-ended"'))).toBe(true);
    const count = lost.reduce((sum, [, , value]) => sum + Number(value), 0);
    expect(await server.stop()).toBe(0);
    const ids = idsOf(await readLogs(directory, "prediction")).filter((id) => id.startsWith("r-"));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length + count).toBeGreaterThanOrEqual(sent.length);
    // What came when it had been replaced is there.
    expect(ids).toContain(sent.at(-1));
  },
);

test("over rotations, a reload and SIGTERM in the middle of them, each line of two workers is there once", async () => {
  const directory = join(home.path, "reload");
  const server = await home.serve([
    "mortal",
    "--port=0",
    "--workers=2",
    `--log-dir=${directory}`,
    "--log-rotate-size=30KB",
    "--log-keep-files=1000",
  ]);
  const answered: string[] = [];
  let isOver = false;
  const clients = Array.from({ length: 8 }, async (_, client) => {
    for (let i = 0; !isOver; i++) {
      const id = `c${client}-${i}`;
      try {
        await shout(server, id);
      } catch (error) {
        // Whoever connects when it has ended is told so by the system.
        if (isOver) return;
        throw error;
      }
      answered.push(id);
    }
  });
  await eventually(() => answered.length > 200);
  const reload = await home.run(["reload"]);
  expect(reload.code).toBe(0);
  const before = answered.length;
  await eventually(() => answered.length > before + 200);
  isOver = true;
  const code = server.stop();
  await Promise.all(clients);
  expect(await code).toBe(0);
  for (const stream of ["prediction", "access"] as const) {
    const ids = idsOf(await readLogs(directory, stream)).filter((id) => id.startsWith("c"));
    expect(new Set(ids).size).toBe(ids.length);
    const there = new Set(ids);
    expect(answered.filter((id) => !there.has(id))).toEqual([]);
  }
  expect((await listLogs(directory, "prediction")).length).toBeGreaterThan(5);
});

test("nothing is lost when a server alone is told to end under load", async () => {
  const directory = join(home.path, "alone");
  const server = await home.serve([
    "mortal",
    "--port=0",
    `--log-dir=${directory}`,
    "--log-rotate-size=30KB",
    "--log-keep-files=1000",
  ]);
  const answered: string[] = [];
  let isOver = false;
  const clients = Array.from({ length: 8 }, async (_, client) => {
    for (let i = 0; !isOver; i++) {
      const id = `c${client}-${i}`;
      await shout(server, id).then(
        () => answered.push(id),
        (error) => {
          if (!isOver) throw error;
        },
      );
    }
  });
  await eventually(() => answered.length > 500);
  isOver = true;
  const code = server.stop();
  await Promise.all(clients);
  expect(await code).toBe(0);
  const ids = idsOf(await readLogs(directory, "prediction"));
  expect(new Set(ids).size).toBe(ids.length);
  const there = new Set(ids);
  expect(answered.filter((id) => !there.has(id))).toEqual([]);
});
