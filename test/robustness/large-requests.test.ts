import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CliHome, CliServer } from "../cli/run-cli.js";
import { CUSTOMERS, makeChurnHome } from "./churn.js";
import { amidGoodRequests, openWire, predict, problemOf, send, toText } from "./traffic.js";

const MIB = 2 ** 20;

let home: CliHome;
let server: CliServer;
beforeAll(async () => {
  home = await makeChurnHome("--no-verify");
  server = await home.serve(["churn", "--port", "0"]);
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await home[Symbol.asyncDispose]();
});

/** Resident memory of the server's process, in MiB. */
function memory(): number {
  const text = execFileSync("ps", ["-o", "rss=", "-p", String(server.child.pid)], {
    encoding: "utf8",
  });
  return Number(text) / 1024;
}

/** Runs `work` and answers the most memory that the server had meanwhile, in MiB. */
async function peakDuring(work: () => Promise<void>): Promise<number> {
  let peak = memory();
  const sampler = setInterval(() => (peak = Math.max(peak, memory())), 50);
  try {
    await work();
  } finally {
    clearInterval(sampler);
  }
  return peak;
}

const table = (count: number) =>
  Array.from({ length: count }, (_, at) => CUSTOMERS[(at * 7) % CUSTOMERS.length]!);
const toBody = (count: number) => JSON.stringify(table(count).map(({ row }) => row));

describe.skipIf(process.platform === "win32")("large tables", () => {
  test("100,000 rows are answered as each row alone is, and others are answered meanwhile", async () => {
    const asked = table(100_000);
    const body = toBody(100_000);
    expect(Buffer.byteLength(body)).toBeLessThan(32 * MIB);
    // Each row alone: what a customer gets must not depend on who shares the request.
    const alone = new Map<number, number>();
    for (const { row, churn } of CUSTOMERS) {
      const { body: text } = await send(`${server.url}/v1/predict`, JSON.stringify([row]));
      alone.set(churn, (JSON.parse(text) as [{ churn: number }])[0].churn);
    }
    const peak = await peakDuring(() =>
      amidGoodRequests(server.url, async () => {
        const answer = await send(`${server.url}/v1/predict`, body);
        expect(answer.status).toBe(200);
        const got = JSON.parse(answer.body) as { churn: number }[];
        expect(got).toHaveLength(asked.length);
        // The model computes in float32, and a processor sums many rows in another order than one.
        const wrong = got.findIndex(
          ({ churn }, at) => !(Math.abs(churn - alone.get(asked[at]!.churn)!) < 1e-6),
        );
        expect(wrong).toBe(-1);
      }),
    );
    expect(peak).toBeLessThan(600);
  });

  test("memory does not grow from one large table to the next", async () => {
    const body = toBody(100_000);
    const rounds: number[] = [];
    for (let round = 0; round < 4; round++) {
      expect((await send(`${server.url}/v1/predict`, body)).status).toBe(200);
      rounds.push(memory());
    }
    expect(Math.max(...rounds)).toBeLessThan(600);
    for (let at = 0; at < 50; at++) expect(await predict(server.url, at, 5)).toBeUndefined();
    expect(memory()).toBeLessThan(Math.max(...rounds) + 20);
  });

  test("a table over the limit of the body is refused with the limit", async () => {
    const answer = await send(`${server.url}/v1/predict`, toBody(200_000));
    expect(problemOf(answer)).toMatchObject({
      status: 413,
      code: "BODY_TOO_LARGE",
      expected: 32 * MIB,
      hint: expect.stringContaining("fewer items"),
    });
  });
});

describe.skipIf(process.platform === "win32")("200 MB that are no table", () => {
  // With `Connection: close` too: the answer must not be lost to the bytes that nobody reads.
  test.each([
    ["announced", true, []],
    ["announced, on a connection that is to be closed", true, ["Connection: close"]],
    ["in chunks", false, []],
    ["in chunks, on a connection that is to be closed", false, ["Connection: close"]],
  ])(
    "are refused when they come %s, and memory stays bounded",
    async (_how, announced, headers) => {
      const before = memory();
      const peak = await peakDuring(() =>
        amidGoodRequests(server.url, async () => {
          for (let round = 0; round < (announced ? 15 : 5); round++) {
            const { sent, answer } = await pour(200 * MIB, announced, headers);
            expect(problemOf(answer)).toMatchObject({ status: 413, code: "BODY_TOO_LARGE" });
            // Its limit, and what is read and thrown away so that the client sees the answer.
            expect(sent).toBeLessThan(128 * MIB);
          }
        }),
      );
      expect(peak).toBeLessThan(before + 250);
    },
  );

  test("ten at once are all refused", async () => {
    const peak = await peakDuring(() =>
      amidGoodRequests(server.url, async () => {
        const poured = await Promise.all(
          Array.from({ length: 10 }, (_, at) => pour(200 * MIB, at % 2 === 0, [])),
        );
        expect(poured.map(({ answer }) => answer?.status)).toEqual(Array(10).fill(413));
      }),
    );
    expect(peak).toBeLessThan(900);
  });

  /** Writes as fast as the server reads, until there is an answer. */
  async function pour(total: number, announced: boolean, headers: readonly string[]) {
    const { socket, answers } = await openWire(server.url);
    const length = announced ? `Content-Length: ${total}` : "Transfer-Encoding: chunked";
    const [head] = toText("/v1/predict", "", ...headers).split("\r\n\r\n");
    socket.write(`${head!.replace("Content-Length: 0", length)}\r\n\r\n`);
    const data = Buffer.alloc(MIB / 4, " ");
    const part = announced
      ? data
      : Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n")]);
    let answered = false;
    const got = answers(1).finally(() => (answered = true));
    let sent = 0;
    while (!answered && sent < total) {
      sent += data.length;
      if (!socket.write(part)) await Promise.race([once(socket, "drain"), got, sleep(1000)]);
    }
    const [answer] = await got;
    socket.destroy();
    return { sent, answer };
  }
});
