import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeHome, post, type CliHome } from "../cli/run-cli.js";
import { eventually, listLogs, readLogs } from "../observability/log-folder.js";

let home: CliHome;
beforeAll(async () => {
  home = await makeHome();
  await home.build("words.ts");
});
afterAll(() => home[Symbol.asyncDispose]());

const idsOf = (lines: readonly string[]): string[] =>
  lines.map((line) => JSON.parse(line)["http.request.id"] as string);

test("the lines of two workers go into one file over rotations, each once, also when one is killed", async () => {
  const directory = join(home.path, "two");
  const server = await home.serve([
    "words",
    "--port=0",
    "--workers=2",
    `--log-dir=${directory}`,
    "--log-rotate-size=20KB",
    "--log-keep-files=1000",
  ]);
  const bothReady = async () => {
    // The connection of an earlier question may have been to the worker that was ended.
    const answer = await fetch(`${server.url}/readyz`, { headers: { connection: "close" } });
    return JSON.stringify(await answer.json()).includes('"ready":2');
  };
  await eventually(() => bothReady().catch(() => false));
  const sent: string[] = [];
  const round = async (name: string) => {
    await Promise.all(
      Array.from({ length: 150 }, async (_, i) => {
        const id = `${name}-${i}`;
        // A connection each, so that both workers get some of them.
        await shout(server.url, id);
        sent.push(id);
      }),
    );
  };
  await round("before");
  const predictions = () => readLogs(directory, "prediction");
  await eventually(async () => (await predictions()).length === 150);
  const pids = new Set((await predictions()).map((line) => JSON.parse(line)["process.pid"]));
  expect(pids.size).toBe(2);
  process.kill([...pids][0] as number, "SIGKILL");
  await eventually(() => server.output().includes("with SIGKILL"));
  await eventually(() => bothReady().catch(() => false));
  await round("after");
  expect(await server.stop()).toBe(0);
  for (const stream of ["prediction", "access"] as const) {
    expect(idsOf(await readLogs(directory, stream)).sort()).toEqual([...sent].sort());
  }
  expect((await listLogs(directory, "prediction")).length).toBeGreaterThan(5);
  for (const line of server.output().trim().split("\n")) JSON.parse(line);
});

test("what goes to standard output goes there whole, with the lines of the application", async () => {
  const server = await home.serve([
    "words",
    "--port=0",
    "--log-access=stdout",
    "--log-predictions=stdout",
  ]);
  await Promise.all(Array.from({ length: 50 }, (_, i) => shout(server.url, `r-${i}`)));
  const taken = await post(`${server.url}/feedback`, { requestId: "r-1", good: true });
  expect(taken.status).toBe(202);
  expect(await server.stop()).toBe(0);
  const lines = server
    .output()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const count = (message: string) => lines.filter((line) => line.message === message).length;
  expect(count("access")).toBe(51);
  expect(count("prediction")).toBe(50);
  expect(count("feedback")).toBe(1);
  expect(lines.at(-1).message).toBe("stopped");
});

test("settings: sampling, redaction, a file for the application; the counter of lost lines", async () => {
  const directory = join(home.path, "settings");
  const server = await home.serve(["words", "--port", "0", "--log-dir", directory], {
    env: {
      EKIBEN_LOG_APPLICATION: "both",
      EKIBEN_LOG_SAMPLE: "access=0",
      EKIBEN_LOG_REDACT: "text",
      EKIBEN_LOG_FEEDBACK: "off",
    },
  });
  await shout(server.url, "r-1");
  expect((await post(`${server.url}/feedback`, { requestId: "r-1" })).status).toBe(404);
  expect(await (await fetch(`${server.url}/metrics`)).text()).toContain(
    "# TYPE ekiben_log_dropped_total counter",
  );
  await server.stop();
  expect(await listLogs(directory, "access")).toEqual([]);
  const [line] = await readLogs(directory, "prediction");
  expect(JSON.parse(line!)["ekiben.input.body"]).toBe('{"text":"[REDACTED]"}');
  expect(JSON.parse(line!)["ekiben.input.change"]).toBe("redacted");
  const told = await readFile(join(directory, "application.log"), "utf8");
  expect(told).toContain("answers on");
  expect(told).toContain('"stopped"');
});

test.skipIf(process.platform !== "linux").each([[[]], [["--workers=2"]]])(
  "on a full disk requests are answered, lost lines counted, and one line says so: %j",
  async (more) => {
    const directory = join(home.path, `full${more.length}`);
    await mkdir(directory);
    // The kernel answers each write to it as a full disk does.
    await symlink("/dev/full", join(directory, "prediction.log"));
    const options = ["words", "--port=0", `--log-dir=${directory}`, ...more];
    const server = await home.serve(options, { env: { EKIBEN_LOG_BUFFER: "64KiB" } });
    const scrape = async () => {
      const headers = { connection: "close" };
      return await (await fetch(`${server.url}/metrics`, { headers })).text();
    };
    const lost = /^ekiben_log_dropped_total\{[^}]*stream="prediction"[^}]*\} ([1-9]\d*)$/m;
    let sent = 0;
    await eventually(async () => {
      for (let i = 0; i < 20; i++) await shout(server.url, `full-${sent++}`);
      return lost.test(await scrape());
    }, 60_000);
    expect(await scrape()).toContain('reason="disk-full"');
    expect(await server.stop()).toBe(0);
    // The other streams go on, and the trouble is told once, not each second.
    expect(idsOf(await readLogs(directory, "access"))).toHaveLength(sent);
    expect(server.output().match(/cannot be written/g)).toHaveLength(1);
  },
);

test("files without a folder are refused before anything starts", async () => {
  const refused = await home.run(["serve", "words", "--log-access", "file"]);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toMatch(/SETTING_INVALID.*logs\.access.*\n.*--log-dir/);
});

test("a log folder that cannot be made is a wrong setting: exit code 2, and what to do", async () => {
  const file = join(home.path, "taken");
  await writeFile(file, "");
  const places = [file, join(file, "logs")];
  // There the system says that a folder is missing whose parent exists.
  if (process.platform === "linux") places.push("/proc/nope/x");
  for (const place of places) {
    for (const more of [[], ["--workers=2"]]) {
      const args = ["serve", "words", "--port=0", `--log-dir=${place}`, ...more];
      const { code, stderr, stdout } = await home.run(args);
      expect(stderr).toMatch(
        /^error SETTING_INVALID: The log folder .* cannot be made: .*\n.*--log-dir/,
      );
      expect(stderr).toContain(place);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    }
  }
});

function shout(url: string, id: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "x-request-id": id };
    const agent = new Agent();
    const sent = request(`${url}/v1/shout`, { method: "POST", headers, agent }, (reply) => {
      reply.resume().on("end", () => {
        agent.destroy();
        if (reply.statusCode === 200) resolve();
        else reject(new Error(`${id}: ${reply.statusCode}`));
      });
    });
    sent.on("error", reject);
    sent.end(JSON.stringify({ text: "hi" }));
  });
}
