import { afterAll, beforeAll, expect, test } from "vitest";
import { makeHome, type CliHome } from "../cli/run-cli.js";
import { echo, startTraffic, until } from "./primary/traffic.js";

let home: CliHome;
beforeAll(async () => {
  home = await makeHome();
  await home.build("faulty.ts");
});
afterAll(() => home[Symbol.asyncDispose]());

test.skipIf(process.platform === "win32").each(["SIGTERM", "SIGHUP"] as const)(
  "a server without a primary loses no request that was accepted: %s",
  async (signal) => {
    const server = await home.serve(["faulty", "--port", "0"]);
    const traffic = startTraffic(server.url, { clients: 16, waitMs: 20 });
    await until("some answers", () => traffic.answered > 100);
    const slow = echo(server.url, { x: 7, waitMs: 1_000 });
    const before = traffic.answered;
    await until("the slow one is there", () => traffic.answered > before + 50);
    server.child.kill(signal);
    await until("it drains", () => server.output().includes('"draining"'), 10_000);
    // A shell sends it again when its terminal closes.
    server.child.kill("SIGHUP");
    expect(await slow).toMatchObject({ x: 7 });
    expect(await server.exited).toBe(0);
    await traffic.stop();
    expect(traffic.lost).toEqual([]);
    const why = server
      .output()
      .split("\n")
      .find((line) => line.includes(`the server ends: ${signal}`));
    expect(JSON.parse(why!)).toMatchObject({ signal });
    expect(why!.includes("--reloadable")).toBe(signal === "SIGHUP");
  },
);
