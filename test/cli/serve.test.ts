import { readFile, writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeHome, post, type CliHome } from "./run-cli.js";

let home: CliHome;
beforeAll(async () => {
  home = await makeHome();
  await home.build("words.ts");
});
afterAll(() => home[Symbol.asyncDispose]());

test("checks outputs where it is asked to, by an option or a variable", async () => {
  await writeFile(
    join(home.services, "loose.ts"),
    `import { defineService, json, z } from "ekiben";
export default defineService({ name: "loose" }).api("f", {
  input: json(z.object({ x: z.number() })),
  output: z.number().max(1),
  handler: ({ x }) => x,
});`,
  );
  await home.build("loose.ts");
  for (const [args, value, status] of [
    [[], "0", 200],
    [[], "1", 500],
    [["--check-outputs"], "", 500],
  ] as const) {
    const env = { EKIBEN_CHECK_OUTPUTS: value };
    const server = await home.serve(["loose", "--port", "0", ...args], { env });
    expect(await post(`${server.url}/f`, { x: 1 })).toMatchObject({ status: 200, body: 1 });
    const answer = await post(`${server.url}/f`, { x: 2 });
    expect(answer).toMatchObject(
      status === 200 ? { status, body: 2 } : { status, body: { code: "OUTPUT_INVALID" } },
    );
    const metadata = (await (await fetch(`${server.url}/metadata`)).json()) as object;
    expect(metadata).toMatchObject({ checkOutputs: status === 500 });
    expect(await server.stop()).toBe(0);
  }
});

test("takes settings from a file, and tells where each came from", async () => {
  const file = join(home.path, "ekiben.yaml");
  await writeFile(file, "server:\n  port: 0\n  drainTimeout: 5\nlogs:\n  level: info\n");
  const server = await home.serve(["words", "--no-check-outputs", "--config", file], {
    env: { EKIBEN_CHECK_OUTPUTS: "1", EKIBEN_DRAIN_TIMEOUT: "6" },
  });
  const { settings } = (await (await fetch(`${server.url}/metadata`)).json()) as any;
  expect(settings).toMatchObject({
    "server.port": { value: 0, origin: "ekiben.yaml:2:9" },
    "server.host": { value: "127.0.0.1", origin: "default" },
    "server.drainTimeout": { value: 6, origin: "EKIBEN_DRAIN_TIMEOUT" },
    "server.checkOutputs": { value: false, origin: "--check-outputs" },
  });
  expect(await server.stop()).toBe(0);
  expect(server.output()).toContain('"server.drainTimeout":"6 (EKIBEN_DRAIN_TIMEOUT)"');
});

test("help has the options by section, the common ones first, and what a default follows", async () => {
  const { code, stdout } = await home.run(["serve", "--help"]);
  expect(code).toBe(0);
  const groups = stdout.split(/\n\n(?=\w[\w ]*:\n)/);
  const headings = groups.slice(1).map((group) => group.slice(0, group.indexOf(":")));
  expect(headings.join(", ")).toBe(
    "Arguments, Options, Server, TLS, Management port, Limits, Logs, Traces, Global Options",
  );
  const flagsOf = (heading: string): string[] => {
    const group = groups.find((one) => one.startsWith(`${heading}:`))!;
    return Array.from(group.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm), ([, flag]) => flag!);
  };
  expect(flagsOf("Options").join(" ")).toBe(
    "--config --port --host --workers --log-level --log-dir --help",
  );
  expect(flagsOf("TLS")).toEqual(["--tls-cert", "--tls-key", "--tls-ca"]);
  const sentence = stdout.replace(/\s+/g, " ");
  expect(sentence).toContain("(default: file with --log-dir, else off, env: EKIBEN_LOG_ACCESS)");
  expect(sentence).toContain("An option wins over its variable (env), a variable over the file");
  expect(sentence).toMatch(/\d+ more settings have .* sdk\/server\/production\.md/);
});

test("settings that are wrong end the command with exit code 2, whatever they come from", async () => {
  const file = join(home.path, "wrong.yaml");
  await writeFile(file, "server:\n  prot: 1\n");
  const inFile = await home.run(["serve", "words", "-c", file]);
  expect(inFile).toMatchObject({ code: 2, stdout: "" });
  expect(inFile.stderr).toMatch(/^error SETTING_INVALID: wrong.yaml:2:3: .*mean server.port\?/);
  const inVariable = await home.run(["serve", "words"], { env: { PORT: "http" } });
  expect(inVariable).toMatchObject({ code: 2 });
  expect(inVariable.stderr).toMatch(/^error SETTING_INVALID: PORT: expected a whole number/);
  const option = await home.run(["serve", "words", "--port", "http"]);
  expect(option).toMatchObject({ code: 2 });
  expect(option.stderr).toMatch(/'-p, --port <port>' argument 'http' is invalid. Expected a whole/);
});

test("serves from any working directory, on the port and host of the environment", async () => {
  const first = await home.serve(["words", "--port", "0"]);
  const port = new URL(first.url).port;
  await first.stop();
  const server = await home.serve(["words:latest"], {
    cwd: "/",
    env: { PORT: port, HOST: "0.0.0.0" },
  });
  expect(server.url).toBe(`http://127.0.0.1:${port}`);
  expect(await post(`${server.url}/v1/shout`, { text: "hello" })).toMatchObject({
    status: 200,
    body: { text: "HELLO!", length: 5 },
  });
  expect(await post(`${server.url}/print`, { a: [1] })).toMatchObject({
    body: { yaml: "a:\n  - 1\n" },
  });
  expect(await server.stop()).toBe(0);
});

test("a port in use ends the command with a free one in the hint", async () => {
  const first = await home.serve(["words", "--port", "0"]);
  const port = new URL(first.url).port;
  const second = await home.run(["serve", "words", "--port", port]);
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(
    new RegExp(`^error PORT_IN_USE: Port ${port} .*\\n.*use port \\d+`),
  );
  await first.stop();
});

test("SIGTERM under load loses no request that was accepted", async () => {
  const server = await home.serve(["words", "--port", "0"]);
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const results = { answered: 0, refused: 0, lost: [] as string[] };
  let running = true;
  const clients = Array.from({ length: 32 }, async () => {
    while (running) {
      const outcome = await shout(server.url, agent, 20);
      if (outcome === "answered") results.answered++;
      else if (outcome === "ECONNREFUSED") {
        results.refused++;
        return;
      } else results.lost.push(outcome);
    }
  });
  for (let turn = 0; turn < 600 && results.answered < 100; turn++) await sleep(25);
  server.child.kill("SIGTERM");
  const late = setTimeout(() => (running = false), 10_000);
  await Promise.all(clients);
  clearTimeout(late);
  expect(await server.exited).toBe(0);
  agent.destroy();
  expect(results.lost).toEqual([]);
  expect(results.answered).toBeGreaterThan(100);
  expect(results.refused).toBe(32);
});

test("while it drains it says so, and answers what it has", async () => {
  const server = await home.serve(["words", "--port", "0"]);
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  const slow = shout(server.url, agent, 800);
  // Opens the second connection, on which the probe comes later.
  await ready(server.url, agent);
  server.child.kill("SIGTERM");
  await sleep(50);
  expect(await ready(server.url, agent)).toBe(503);
  expect(await slow).toBe("answered");
  expect(await server.exited).toBe(0);
  agent.destroy();
});

test("what takes longer than the drain time-out is cut", async () => {
  const server = await home.serve(["words", "--port", "0", "--drain-timeout", "0.3"]);
  const agent = new Agent();
  const slow = shout(server.url, agent, 30_000);
  await sleep(100);
  const began = performance.now();
  server.child.kill("SIGTERM");
  expect(await slow).toBe("ECONNRESET");
  expect(await server.exited).toBe(0);
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(server.output()).toMatch(/connections were cut.*still running/s);
});

test("a second signal ends it at once with code 1", async () => {
  const server = await home.serve(["words", "--port", "0"]);
  const slow = shout(server.url, new Agent(), 5_000);
  await sleep(100);
  server.child.kill("SIGTERM");
  await sleep(200);
  server.child.kill("SIGINT");
  expect(await server.exited).toBe(1);
  expect(await slow).toBe("ECONNRESET");
});

test("logs one JSON line when it is ready and nothing that is no JSON", async () => {
  const server = await home.serve(["words", "--port", "0"]);
  await server.stop();
  const lines = server
    .output()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.filter(({ message }) => /answers on/.test(message))).toHaveLength(1);
});

test("logs lines for people where they are asked for, errors included", async () => {
  for (const workers of ["1", "2"]) {
    const args = ["words", "--port", "0", "--log-format", "plain", "--workers", workers];
    const server = await home.serve(args);
    const answer = await post(`${server.url}/v1/shout`, { text: "fail" });
    expect(answer).toMatchObject({ status: 500 });
    await server.stop();
    const lines = server.output().trimEnd().split("\n");
    for (const line of lines) expect(line).toMatch(/^(\d\d:\d\d:\d\d\.\d{3} \w+ +\S| {4,}\S)/);
    const failed = lines.findIndex((line) => / error .* requestId=\S+/.test(line));
    expect(lines.slice(failed, failed + 12).join("\n")).toMatch(/\n {4}.*asked to fail/);
    expect(server.output()).toMatch(/ {4}at .*src[\\/]words\.ts:15:/);
  }
});

test("lines of the application that go to a file are JSON everywhere", async () => {
  const directory = join(home.path, "logs-of-words");
  const args = ["--log-format", "plain", "--log-dir", directory];
  const env = { EKIBEN_LOG_APPLICATION: "both" };
  const server = await home.serve(["words", "--port", "0", ...args], { env });
  await server.stop();
  const inFile = await readFile(join(directory, "application.log"), "utf8");
  for (const text of [inFile, server.output()]) {
    for (const line of text.trim().split("\n")) expect(JSON.parse(line)).toHaveProperty("message");
  }
});

test("an error of a handler is told without the inside, and logged with the line of the source", async () => {
  const server = await home.serve(["words", "--port", "0"]);
  const answer = await post(`${server.url}/v1/shout`, { text: "fail" });
  expect(answer).toMatchObject({ status: 500, body: { code: "HANDLER_FAILED" } });
  expect(JSON.stringify(answer.body)).not.toContain("asked to fail");
  await server.stop();
  expect(server.output()).toMatch(/asked to fail[^"]*src[^"]*words\.ts:15:/);
});

function shout(url: string, agent: Agent, waitMs: number): Promise<string> {
  return new Promise((resolve) => {
    const sent = request(
      `${url}/v1/shout`,
      { method: "POST", agent, headers: { "content-type": "application/json" } },
      (reply) => {
        let body = "";
        reply.setEncoding("utf8").on("data", (part: string) => (body += part));
        reply.on("end", () => {
          const good = reply.statusCode === 200 && body === '{"text":"HI!","length":2}';
          resolve(good ? "answered" : `${reply.statusCode} ${body}`);
        });
        reply.on("error", (error) => resolve(error.message));
      },
    );
    sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end(JSON.stringify({ text: "hi", waitMs }));
  });
}

function ready(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/readyz`, { agent }, (reply) => {
      reply.resume().on("end", () => resolve(reply.statusCode!));
    });
    sent.on("error", reject);
    sent.end();
  });
}
