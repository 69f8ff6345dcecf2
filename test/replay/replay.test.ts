import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFileWriter } from "../../sdk/observability/lines/file-writer.js";
import { makeHome, post, type CliHome } from "../cli/run-cli.js";

// Two services that differ in a known way: the score of the candidate is higher by a tenth for odd
// ages, its label is another one from 50 on, and it refuses what is above 90.
const source = (version: "base" | "candidate") => `
import { defineService, json, z } from "ekiben";
const candidate = ${version === "candidate"};
export default defineService({ name: "churn" })
  .api("predict", {
    route: ${version === "candidate" ? '"v2/score"' : '"v1/score"'},
    input: json(z.object({ age: z.number().max(candidate ? 90 : 200) })),
    output: z.object({ score: z.number(), label: z.string() }),
    handler: ({ age }) => ({
      score: age / 100 + (candidate && age % 2 === 1 ? 0.1 : 0) + (candidate && age === 2 ? 1e-9 : 0),
      label: age >= (candidate ? 50 : 60) ? "old" : "young",
    }),
  })
  .api("region", {
    route: "v1/:region/size",
    method: "GET",
    output: z.object({ size: z.number() }),
    handler: (_, { params }) => ({ size: params.region.length }),
  })
  .feedback(z.object({ churned: z.boolean(), truth: z.number().optional() }));
`;

let home: CliHome;
let directory: string;
/** The tags of the two bundles. */
const tags = { base: "", candidate: "" };
beforeAll(async () => {
  home = await makeHome();
  directory = join(home.path, "logs");
  for (const version of ["base", "candidate"] as const) {
    await writeFile(join(home.services, `${version}.ts`), source(version));
    tags[version] = await home.build(`${version}.ts`);
  }
  const server = await home.serve([tags.base, "--port=0", `--log-dir=${directory}`]);
  const ask = (age: unknown, id: string) =>
    fetch(`${server.url}/v1/score`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-request-id": id },
      body: JSON.stringify({ age }),
    });
  for (let age = 1; age <= 100; age++) await ask(age, `age-${age}`);
  await ask("none", "invalid");
  await fetch(`${server.url}/v1/north%20east/size`, { headers: { "x-request-id": "get" } });
  for (let age = 1; age <= 20; age++) {
    const truth = age / 100;
    await post(`${server.url}/feedback`, { requestId: `age-${age}`, churned: age > 10, truth });
  }
  await post(`${server.url}/feedback`, { requestId: "nobody", churned: true });
  await server.stop();
});
afterAll(() => home[Symbol.asyncDispose]());

const replay = async (...args: string[]) => {
  const run = await home.run(["replay", directory, "--json", ...args]);
  if (run.stdout === "") throw new Error(run.stderr);
  return { code: run.code, report: JSON.parse(run.stdout) };
};

test("the same bundle answers as it did", async () => {
  const { code, report } = await replay("--to", tags.base, "--check");
  expect(code).toBe(0);
  expect(report.requests).toEqual({ replayed: 102, skipped: {}, failed: 0 });
  expect(report.statuses).toEqual({ same: 102, changed: [] });
  expect(report.outputs).toEqual({ exact: 101, within: 0, different: 0 });
});

test("another bundle differs exactly as it was made to", async () => {
  const feedback = ["--feedback", directory, "--label", "truth", "--output", "score"];
  const { code, report } = await replay("--to", tags.candidate, "--check", ...feedback);
  expect(code).toBe(1);
  expect(report.target.startsWith(`${tags.candidate} at http`)).toBe(true);
  expect(report.requests).toEqual({ replayed: 102, skipped: {}, failed: 0 });
  const example = expect.stringMatching(/^age-(9[1-9]|100)$/);
  expect(report.statuses).toEqual({
    same: 92,
    changed: [{ from: 200, to: 422, count: 10, example }],
  });
  // Odd ages up to 89 have another score, and ages from 50 to 59 another label.
  expect(report.outputs).toEqual({ exact: 91 - 45 - 5 - 1, within: 1, different: 45 + 5 });
  const { score, label, size } = report.fields;
  expect(score).toMatchObject({ count: 90, exact: 44, within: 1, different: 45, missing: 0 });
  expect(score.largest.difference).toBeCloseTo(0.1, 12);
  expect(score.before).toMatchObject({ count: 90, min: 0.01, max: 0.9, p50: 0.45 });
  expect(score.after.mean - score.before.mean).toBeCloseTo(0.05, 6);
  expect(label).toMatchObject({ count: 90, exact: 80, different: 10 });
  expect(label.confusion).toEqual([
    { before: "young", after: "young", count: 49 },
    { before: "old", after: "old", count: 31 },
    { before: "young", after: "old", count: 10 },
  ]);
  expect(size).toMatchObject({ count: 1, exact: 1 });
  expect(report.latencyMs.before.count).toBe(102);
  expect(report.feedback).toMatchObject({ joined: 20, values: 20, unmatched: 0 });
  expect(report.feedback.mae.before).toBeCloseTo(0, 12);
  expect(report.feedback.mae.after).toBeCloseTo(0.05, 6);
  expect(report.feedback.rmse.after).toBeCloseTo(Math.sqrt(0.005), 6);
});

test("a check that compared nothing, or misses an API, does not pass", async () => {
  const none = await replay("--to", tags.base, "--check", "--api", "nobody");
  expect([none.code, none.report.requests.replayed]).toEqual([1, 0]);
  await writeFile(
    join(home.services, "lesser.ts"),
    source("base").replace(/\.api\("region"[^]*?\}\)\n {2}\.feedback/, ".feedback"),
  );
  const lesser = await home.build("lesser.ts");
  const missing = await replay("--to", lesser, "--check");
  expect(missing.report.requests.skipped).toEqual({ "no such API": 1 });
  expect(missing.report.statuses).toEqual({ same: 101, changed: [] });
  expect(missing.code).toBe(1);
});

test("a request that is refused for want of room is sent again, and compared then", async () => {
  const refused = new Set<string>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const id = String(request.headers["x-request-id"]);
      const json = (status: number, value: unknown, headers = {}) =>
        response
          .writeHead(status, { "content-type": "application/json", ...headers })
          .end(JSON.stringify(value));
      if (request.url === "/metadata") {
        return json(200, { apis: [{ name: "predict", method: "POST", path: "/v1/score" }] });
      }
      // One of them is refused for good.
      if (!refused.has(id) || id === "replay:age-7") {
        refused.add(id);
        return json(503, {}, { "retry-after": "0" });
      }
      const { age } = JSON.parse(Buffer.concat(chunks).toString());
      if (typeof age !== "number") return json(422, {});
      json(200, { score: age / 100, label: age >= 60 ? "old" : "young" });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const { report } = await replay("--url", `http://127.0.0.1:${port}`, "--api", "predict");
    expect(report.statuses).toEqual({
      same: 100,
      changed: [{ from: 200, to: 503, count: 1, example: "age-7" }],
    });
    expect(report.outputs).toEqual({ exact: 99, within: 0, different: 0 });
  } finally {
    server.close();
  }
});

test("labels of true and false give the accuracy, by a threshold", async () => {
  const args = ["--feedback", directory, "--label", "churned", "--output", "score"];
  const { report } = await replay("--to", tags.candidate, ...args, "--threshold", "0.105");
  // Before: ages from 11 on are above. After: odd ages from 1 on are, five of which are wrong.
  expect(report.feedback).toMatchObject({ joined: 20, unmatched: 1 });
  expect(report.feedback.accuracy).toEqual({ before: 1, after: 0.75 });
});

test("a label that no feedback has is wrong usage, and those that it has are named", async () => {
  const args = ["replay", directory, "--to", tags.base, "--feedback", directory];
  for (const [label, meant] of [
    ["churnd", ' Did you mean "churned"?'],
    ["age", ""],
  ] as const) {
    const { code, stdout, stderr } = await home.run([...args, "--label", label, "--output=score"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      `error SETTING_INVALID: --label: none of 21 feedback records has a field "${label}".\n` +
        `  They have "churned", "truth".${meant}\n`,
    );
  }
});

test("an output that no answer with feedback has is wrong usage, and those that there are are named", async () => {
  const args = ["replay", directory, "--to", tags.base, "--feedback", directory, "--label=truth"];
  for (const [output, meant] of [
    ["scor", ' Did you mean "score"?'],
    // Another API has it, whose requests got no feedback.
    ["size", ""],
  ] as const) {
    const { code, stdout, stderr } = await home.run([...args, "--output", output]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      `error SETTING_INVALID: --output: none of 20 recorded answers with feedback has a field "${output}".\n` +
        `  They have "score", "label".${meant}\n`,
    );
  }
});

test("feedback that is not there, or of which nothing belongs to a request of the log, is said", async () => {
  const empty = join(home.path, "empty-feedback.log");
  const strange = join(home.path, "strange-feedback.log");
  await writeFile(empty, "");
  const [line] = (await readFile(join(directory, "feedback.log"), "utf8")).split("\n");
  await writeFile(strange, `${line!.replaceAll("age-1", "never")}\n`);
  const fields = ["--label", "truth", "--output", "scor"];
  const print = async (file: string): Promise<string> => {
    const args = ["replay", directory, "--to", tags.base, "--limit", "3", "--feedback", file];
    const { code, stdout, stderr } = await home.run([...args, ...fields]);
    expect(code, stderr).toBe(0);
    return stdout;
  };
  expect(await print(empty)).toContain("\nfeedback: none is in the log\n");
  expect(await print(strange)).toContain(
    "\nfeedback: 0 requests joined, 1 not\n  none of it is about a request that was replayed\n",
  );
});

test("a part of the log, and the report for people", async () => {
  const { report } = await replay("--to", tags.base, "--limit", "7", "--api", "predict");
  expect(report.requests.replayed).toBe(7);
  const half = await replay("--to", tags.base, "--sample", "0.5");
  const again = await replay("--to", tags.base, "--sample", "0.5");
  expect(half.report.requests.replayed).toBeGreaterThan(20);
  expect(half.report.requests.replayed).toBeLessThan(80);
  expect(again.report.requests).toEqual(half.report.requests);
  const { stdout } = await home.run(["replay", directory, "--to", tags.candidate]);
  expect(stdout).toContain("200 became 422: 10, such as age-");
  expect(stdout).toContain("score: 90 values, 44 exact, 1 within, 45 different");
  expect(stdout).toContain("  young became old: 10");
});

test("rotated and packed files are read, damaged lines named, and what is not whole is skipped", async () => {
  const other = join(home.path, "old");
  const text = await readFile(join(directory, "prediction.log"), "utf8");
  const lines = text.trim().split("\n");
  const changed = (line: string, fields: object): string =>
    JSON.stringify({ ...JSON.parse(line), ...fields });
  const sink = await createFileWriter({ directory: other });
  for (const line of lines.slice(40, 60)) sink.write("prediction", line);
  for (const [at, change] of ["redacted", "truncated", "omitted"].entries()) {
    sink.write("prediction", changed(lines[at]!, { "ekiben.input.change": change }));
  }
  sink.write("prediction", changed(lines[4]!, { "ekiben.output.change": "truncated" }));
  sink.write("prediction", changed(lines[4]!, { "http.response.status_code": 503 }));
  sink.write("prediction", changed(lines[4]!, { "ekiben.api": "gone" }));
  sink.write("prediction", '{"torn":');
  await sink.close();
  const packed = join(other, "prediction-20300101T000000000Z.log.gz");
  await writeFile(packed, gzipSync(`${lines.slice(0, 20).join("\n")}\n`));
  const rotated = join(other, "prediction-20300102T000000000Z.log");
  await writeFile(rotated, `not json\n${lines.slice(20, 40).join("\n")}\n`);
  const active = join(other, "prediction.log");
  const { stdout } = await home.run(["replay", active, "--to", tags.base, "--json"]);
  const report = JSON.parse(stdout);
  expect(report.requests).toEqual({
    replayed: 60,
    failed: 0,
    skipped: { redacted: 1, truncated: 2, omitted: 1, "not answered": 1, "no such API": 1 },
  });
  expect(report.outputs).toEqual({ exact: 60, within: 0, different: 0 });
  expect(report.log.damaged).toEqual([
    { file: rotated, line: 1 },
    { file: active, line: 27 },
  ]);
  expect(report.log.files).toEqual([packed, rotated, active]);
});

test("a running service, and what cannot be done", async () => {
  const server = await home.serve([tags.candidate, "--port=0"]);
  const { report } = await replay("--url", server.url, "--limit", "5");
  expect(report.requests.replayed).toBe(5);
  await server.stop();
  for (const [args, message] of [
    [[directory], "--to or --url"],
    [[directory, "--to", "a", "--url", "b"], "--to or --url"],
    [[join(home.path, "nothing"), "--to", tags.base], "There is no prediction log"],
    [[directory, "--url", "http://127.0.0.1:9"], "/metadata does not answer"],
    [[directory, "--to", tags.base, "--feedback", directory], "--label"],
  ] as const) {
    const refused = await home.run(["replay", ...args]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(message);
  }
});
