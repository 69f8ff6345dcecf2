import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CliHome, CliServer } from "../cli/run-cli.js";
import { makeChurnHome } from "./churn.js";
import { openWire, predict, send, toText } from "./traffic.js";

const MIB = 2 ** 20;

let home: CliHome;
let server: CliServer;
beforeAll(async () => {
  home = await makeChurnHome("--no-verify");
  server = await home.serve(["churn", "--port", "0", "--body-budget", "64MiB"]);
}, 60_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  await home[Symbol.asyncDispose]();
});

/** Resident memory of the server's process, in MiB. */
function memory(): number {
  const args = ["-o", "rss=", "-p", String(server.child.pid)];
  return Number(execFileSync("ps", args, { encoding: "utf8" })) / 1024;
}

test.skipIf(process.platform === "win32")(
  "sixty bodies of 30 MiB at once stay within the budget, and probes answer meanwhile",
  async () => {
    expect(await predict(server.url, 0, 3)).toBeUndefined();
    const before = memory();
    let peak = before;
    let probes = 0;
    let running = true;
    const watch = (async () => {
      while (running) {
        peak = Math.max(peak, memory());
        const { status } = await send(`${server.url}/livez`, "", { method: "GET" });
        expect(status).toBe(200);
        probes++;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    const size = 30 * MIB;
    const data = Buffer.alloc(MIB / 4, " ");
    const part = Buffer.concat([
      Buffer.from(`${data.length.toString(16)}\r\n`),
      data,
      Buffer.from("\r\n"),
    ]);
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const announced = index % 2 === 0;
        const { socket, answers } = await openWire(server.url);
        const length = announced ? `Content-Length: ${size}` : "Transfer-Encoding: chunked";
        socket.write(toText("/v1/predict", "").replace("Content-Length: 0", length));
        let answered = false;
        const got = answers(1).finally(() => (answered = true));
        for (let sent = 0; !answered && sent < size; sent += data.length) {
          if (!socket.write(announced ? data : part)) {
            await Promise.race([once(socket, "drain").catch(() => {}), got]);
          }
        }
        if (!answered && !announced) socket.write("0\r\n\r\n");
        const [answer] = await got;
        socket.destroy();
        return answer?.status;
      }),
    );
    running = false;
    await watch;
    // Spaces are no table: what was read whole is refused as that.
    const count = (status: number | undefined): number =>
      statuses.filter((one) => one === status).length;
    // Who goes on to send tens of MiB after its answer may be reset before it has read it.
    expect(count(400) + count(503) + count(undefined)).toBe(60);
    expect(count(undefined)).toBeLessThan(10);
    expect(count(503)).toBeGreaterThan(30);
    expect(probes).toBeGreaterThan(0);
    expect(peak).toBeLessThan(before + 500);
    expect(await predict(server.url, 0, 3)).toBeUndefined();
    const health = await send(`${server.url}/healthz`, "", { method: "GET" });
    expect(JSON.parse(health.body)).toMatchObject({ inFlight: { requests: 0, bytes: 0 } });
    const metrics = (await send(`${server.url}/metrics`, "", { method: "GET" })).body;
    expect(metrics).toMatch(/ekiben_shed_total\{[^}]*reason="body-bytes"[^}]*\} \d+/);
  },
  120_000,
);
