import { mkdir, readFile, readdir, readlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeHome, post, type CliHome } from "../cli/run-cli.js";
import { readLogs } from "../observability/log-folder.js";
import { until } from "./primary/traffic.js";

const LOCK = ".ekiben.lock";

let home: CliHome;
beforeAll(async () => {
  home = await makeHome();
  await home.build("words.ts");
});
afterAll(() => home[Symbol.asyncDispose]());

const toArgs = (directory: string, ...more: string[]) => [
  "words",
  "--port=0",
  `--log-dir=${directory}`,
  ...more,
];
const shout = async (url: string) =>
  expect((await post(`${url}/v1/shout`, { text: "hi" })).status).toBe(200);
const ownerOf = async (directory: string) =>
  JSON.parse(await readFile(join(directory, LOCK), "utf8")) as { pid: number };

test.each([[[]], [["--workers=2"]]])(
  "a second server in a log folder is refused, until the first one has ended: %j",
  async (more) => {
    const directory = join(home.path, `shared${more.length}`);
    const first = await home.serve(toArgs(directory, ...more));
    const { pid } = first.child;
    expect(await ownerOf(directory)).toMatchObject({ pid });
    for (const second of [[], ["--workers=2"]]) {
      const refused = await home.run(["serve", ...toArgs(directory, ...second)]);
      expect(refused).toMatchObject({ code: 2, stdout: "" });
      expect(refused.stderr).toMatch(
        /^error SETTING_INVALID: The log folder .* is in use .*\n.*--log-dir/,
      );
      expect(refused.stderr).toContain(directory);
      expect(refused.stderr).toContain(`process ${pid}`);
    }
    await shout(first.url);
    expect(await first.stop()).toBe(0);
    expect(await readdir(directory)).not.toContain(LOCK);
    expect(await readLogs(directory, "access")).toHaveLength(1);
    const next = await home.serve(toArgs(directory));
    expect(await next.stop()).toBe(0);
  },
);

test("a start that fails leaves no lock", async () => {
  const directory = join(home.path, "failed");
  const server = await home.serve(["words", "--port=0"]);
  const { port } = new URL(server.url);
  for (const more of [[], ["--workers=2"]]) {
    const args = ["serve", "words", `--port=${port}`, `--log-dir=${directory}`, ...more];
    expect((await home.run(args)).stderr).toContain("PORT_IN_USE");
    expect(await readdir(directory)).not.toContain(LOCK);
  }
  expect(await server.stop()).toBe(0);
});

test.each([[[]], [["--workers=2"]]])(
  "the folder of a server that was killed is taken over: %j",
  async (more) => {
    const directory = join(home.path, `killed${more.length}`);
    const first = await home.serve(toArgs(directory, ...more));
    first.child.kill("SIGKILL");
    await first.exited;
    expect(await ownerOf(directory)).toMatchObject({ pid: first.child.pid });
    const next = await home.serve(toArgs(directory));
    expect(await ownerOf(directory)).toMatchObject({ pid: next.child.pid });
    await shout(next.url);
    expect(await next.stop()).toBe(0);
    expect(next.output()).not.toContain("taken over");
  },
);

test("of several servers that find the lock of one that is gone, one gets it", async () => {
  const directory = join(home.path, "race");
  const first = await home.serve(toArgs(directory));
  first.child.kill("SIGKILL");
  await first.exited;
  const started = await Promise.allSettled(
    Array.from({ length: 4 }, () => home.serve(toArgs(directory))),
  );
  const won = started.filter((one) => one.status === "fulfilled");
  expect(won).toHaveLength(1);
  const lost = started.filter((one) => one.status === "rejected");
  for (const { reason } of lost) expect(String(reason)).toContain("is in use by another server");
  expect(await ownerOf(directory)).toMatchObject({ pid: won[0]!.value.child.pid });
  expect(await won[0]!.value.stop()).toBe(0);
  expect((await readdir(directory)).filter((name) => name.startsWith(LOCK))).toEqual([]);
});

test("what is no lock of a process that runs here is taken over", async () => {
  const directory = join(home.path, "left");
  await mkdir(directory);
  // The process that runs this test has that id, and began at another time.
  const again = { pid: process.pid, host: hostname(), space: await spaceOf(), started: "1" };
  const elsewhere = { pid: process.pid, host: "elsewhere" };
  const texts = ["", "{", JSON.stringify(elsewhere)];
  if (process.platform === "linux") texts.push(JSON.stringify(again));
  for (const text of texts) {
    await writeFile(join(directory, LOCK), text);
    const server = await home.serve(toArgs(directory));
    expect(await server.stop()).toBe(0);
    const told = /was taken over from process \d+ on elsewhere/.test(server.output());
    expect(told).toBe(text.includes("elsewhere"));
    expect(await readdir(directory)).not.toContain(LOCK);
  }
});

test("where no lock can be made the server says so and goes on", async () => {
  const directory = join(home.path, "odd");
  await mkdir(join(directory, LOCK), { recursive: true });
  const server = await home.serve(toArgs(directory));
  await until("it is told", () => server.output().includes("the log folder cannot be locked"));
  await shout(server.url);
  expect(await server.stop()).toBe(0);
  expect(await readLogs(directory, "access")).toHaveLength(1);
});

async function spaceOf(): Promise<string | undefined> {
  return await readlink("/proc/self/ns/pid").catch(() => undefined);
}
