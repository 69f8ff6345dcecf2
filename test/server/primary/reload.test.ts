import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NEEDS_RESTART } from "../../../sdk/server/settings/restart.js";
import { makeHome, type CliHome, type CliServer } from "../../cli/run-cli.js";
import { echo, isAlive, send, startTraffic, until } from "./traffic.js";

let home: CliHome;
let source: string;
beforeAll(async () => {
  home = await makeHome();
  source = await readFile(join(home.services, "faulty.ts"), "utf8");
});
afterAll(() => home[Symbol.asyncDispose]());

/** Building runs a service once too. */
const IN_WORKER = 'process.argv.join().includes("worker-")';
const SETUP = ".setup(() => {";

/** Builds a version of the service whose `/echo` answers with this. */
async function build(mark: string, change: (text: string) => string = (text) => text) {
  const text = source.replace("return { x, pid", `return { x, mark: "${mark}", pid`);
  await writeFile(join(home.services, "faulty.ts"), change(text));
  return (await home.build("faulty.ts")).split("\n").at(-1)!;
}

const serve = (...args: string[]): Promise<CliServer> =>
  home.serve(["faulty", "--port", "0", ...args]);
const ask = async (url: string) =>
  (await echo(url, { x: 1 })) as unknown as { mark: string; pid: number };

const linesOf = (server: CliServer) =>
  server
    .output()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<"message" | "log.level" | "@timestamp", string>);

test("a reload under load loses no request, and a connection sees one version until it is closed", async () => {
  const first = await build("one");
  const server = await serve("--workers", "2");
  const traffic = startTraffic(server.url, { clients: 16, waitMs: 10 });
  await until("some hundred answers", () => traffic.answered > 200);
  const old = new Set(traffic.pids.keys());
  const second = await build("two");

  const reload = await home.run(["reload"]);
  expect(reload).toMatchObject({ code: 0, stdout: expect.stringContaining("faulty:") });
  expect(second).toContain(reload.stdout.trim().split(":")[1]);
  expect(reload.stderr).toContain(first.split("/").at(-1)!.split(":").at(-1)!);
  // Whoever connects now gets the new version only.
  for (let count = 0; count < 10; count++) expect((await ask(server.url)).mark).toBe("two");
  await until("the old workers have ended", () => ![...old].some(isAlive));
  const before = traffic.answered;
  await until("the load goes on", () => traffic.answered > before + 200);
  await traffic.stop();
  expect(traffic.lost).toEqual([]);
  expect((await send(`${server.url}/metadata`)).text).toContain(reload.stdout.trim().split(":")[1]);
  expect(await server.stop()).toBe(0);
});

test("a bundle that cannot start changes nothing: the old one goes on, and the command says why", async () => {
  await build("good");
  const server = await serve("--workers", "1", "--reloadable");
  const { pid } = await ask(server.url);
  const bad = await build("bad", (text) =>
    text.replace(SETUP, `${SETUP} if (${IN_WORKER}) throw new Error("no database");`),
  );
  const reload = await home.run(["reload", "faulty"]);
  expect(reload.code).toBe(1);
  expect(reload.stderr).toMatch(/^error SERVICE_SETUP_FAILED: .*no database/);
  expect(server.output()).toMatch(/the reload has failed; faulty:\S+ is served as before/);
  expect(await ask(server.url)).toMatchObject({ mark: "good", pid });

  const good = await build("better");
  expect(await home.run(["reload", "--to", "faulty:gone"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("error BUNDLE_NOT_FOUND"),
  });
  await home.build("words.ts");
  expect(await home.run(["reload", "--to", "words"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('this server serves "faulty"'),
  });
  const folder = join(home.store, "bundles", good.replace(":", "/"));
  expect(await home.run(["reload", "--to", folder])).toMatchObject({ code: 0 });
  expect(await ask(server.url)).toMatchObject({ mark: "better" });
  expect(bad).not.toBe(good);
  expect(await server.stop()).toBe(0);
});

test.skipIf(process.platform === "win32")(
  "SIGHUP finds the latest version, and reads the configuration file again",
  async () => {
    await build("one");
    const file = join(home.path, "ekiben.yaml");
    await writeFile(file, "server:\n  workers: 2\n");
    const server = await serve("--config", file);
    await build("two");
    await writeFile(file, "server:\n  workers: 3\n  host: 0.0.0.0\n");
    server.child.kill("SIGHUP");
    await until("it is reloaded", () => server.output().includes("reloaded: faulty:"));
    expect((await ask(server.url)).mark).toBe("two");
    expect(JSON.parse((await send(`${server.url}/readyz`)).text)).toMatchObject({
      workers: { ready: 3, total: 3 },
    });
    expect(server.output()).toMatch(/"settings":\["server.host"\].*need a restart: server.host"/);
    expect(await server.stop()).toBe(0);
  },
);

test("a reload takes over settings, and names once those that need a restart", async () => {
  await build("one");
  const file = join(home.path, "all.yaml");
  const logs = join(home.path, "first-logs");
  await writeFile(file, `logs: {directory: "${logs.replaceAll("\\", "/")}"}\n`);
  const server = await serve("--workers", "2", "--config", file);
  await writeFile(
    file,
    `server: {drainTimeout: 1, shutdownDelay: 0.5, workerTimeout: 1, workerKillTimeout: 2, port: 1}
admin: {port: 1}
tls: {cert: a.pem, key: b.pem}
logs: {level: debug, directory: ${JSON.stringify(join(home.path, "second-logs"))}, rotateSize: 5KB, probes: true}
`,
  );
  expect(await home.run(["reload"])).toMatchObject({ code: 0 });
  // The port is given by an option, which wins over the file.
  const kept = ["admin.port", "logs.directory", "logs.rotateSize", "tls.cert", "tls.key"];
  const told = linesOf(server).filter(({ message }) => message.includes("need a restart"));
  expect(told).toMatchObject([
    {
      message: `these settings were changed and need a restart: ${kept.join(", ")}`,
      settings: kept,
      "log.level": "warn",
    },
  ]);
  const { settings } = JSON.parse((await send(`${server.url}/metadata`)).text);
  expect(settings).toMatchObject({
    "server.drainTimeout": { value: 1, origin: "all.yaml:1:24" },
    "logs.directory": { value: logs },
    "logs.rotateSize": { value: 104_857_600, origin: "default" },
    "logs.probes": { value: true },
    "tls.cert": { value: null },
  });
  expect(await readdir(home.path)).not.toContain("second-logs");

  // The new limits are those of the watchdog, of the log, and of the end.
  const stuck = send(`${server.url}/fail`, { how: "block", ms: 120_000 });
  await until("it is replaced", () =>
    /ended by the primary: its event loop is held up/.test(server.output()),
  );
  expect((await stuck).status).toBe(0);
  await until("both are ready", async () =>
    (await send(`${server.url}/readyz`)).text.includes('"ready":2'),
  );
  const endless = send(`${server.url}/fail`, { how: "never" });
  await until("it is there", async () => (await send(`${server.url}/livez`)).status === 200);
  expect(await server.stop()).toBe(0);
  expect((await endless).text).toMatch(/ECONNRESET/);
  const times = linesOf(server).filter(({ message }) => /^(draining|stopped)$/.test(message));
  const at = ({ "@timestamp": time }: { "@timestamp": string }) => Date.parse(time);
  expect(at(times.at(-1)!) - at(times[0]!)).toBeGreaterThanOrEqual(500);
  // Within the first limit, which was 30 s.
  expect(at(times.at(-1)!) - at(times[0]!)).toBeLessThan(25_000);
  expect(linesOf(server).some((line) => line["log.level"] === "debug")).toBe(true);
});

test("the page names the settings that need a restart", async () => {
  const page = await readFile("sdk/server/production.md", "utf8");
  const listed = /A reload takes over every setting but (.*?), which need a restart/s.exec(
    page,
  )?.[1];
  expect(listed?.match(/[a-z]+\.[A-Za-z]+/g)).toEqual(NEEDS_RESTART);
});

test("a server that ends in the middle of a reload ends all its workers", async () => {
  await build("one");
  const server = await serve("--workers", "2");
  await build("slow", (text) =>
    text.replace(
      SETUP,
      `.setup(async () => { if (${IN_WORKER}) await new Promise((go) => setTimeout(go, 60_000));`,
    ),
  );
  const reload = home.run(["reload"]);
  await until("it reloads", () => server.output().includes("reloading:"));
  expect(await server.stop()).toBe(0);
  expect((await reload).code).toBe(1);
});

test("the command says what it needs when no server, or more than one, may be meant", async () => {
  expect(await home.run(["reload"])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/No server runs here.*\n.*--workers/),
  });
  await build("one");
  const servers = [await serve("--reloadable"), await serve("--reloadable")];
  const unclear = await home.run(["reload"]);
  expect(unclear.stderr).toMatch(/Several servers.*\n.*--pid \d+ on http.*--pid \d+ on http/);
  const other = await home.run(["reload", "nothing"]);
  expect(other.stderr).toMatch(
    /No server of nothing runs here.*\n.*These run: .*--pid \d+ on http/,
  );
  const pid = String(servers[1]!.child.pid);
  expect((await home.run(["reload", "--pid", pid])).code).toBe(0);
  expect(servers[0]!.output()).not.toContain("reloaded");
  expect(servers[1]!.output()).toContain("reloaded");
  // One that was killed has left its file behind: it is not taken for a server.
  servers[0]!.child.kill("SIGKILL");
  await servers[0]!.exited;
  expect((await home.run(["reload"])).code).toBe(0);
  expect(await servers[1]!.stop()).toBe(0);
  expect(await readdir(join(home.store, "run"))).toEqual([]);
});
