import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
// The tool runs without a build step, so it is not written in TypeScript.
// @ts-expect-error it has no types
import * as checks from "./check-answer.js";

interface Answer {
  status: number;
  headers: Map<string, string>;
  head: string;
  body: Buffer;
}
const findFault = checks.findFault as (
  answer: Answer,
  asked: { method: string; path: string; framed: boolean; secrets: string[]; requestId?: string },
) => string | undefined;

test("thousands of changed requests leave a server right, quiet and as small as it was", async () => {
  // A machine that runs other tests as well is late now and then.
  const options = ["--requests", "2000", "--seed", "20", "--seconds", "60", "--live", "15000"];
  const child = spawn(process.execPath, [resolve("test/fuzz/run.js"), ...options], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const [code] = (await once(child, "close")) as [number | null];
  expect(code, output).toBe(0);
  expect(output).toMatch(/\d requests with seed 20 in [\d.]+ s, no findings/);
});

describe("an answer is a finding", () => {
  const ID = "7c3b2f0a-1111-4222-8333-444455556666";
  const asked = { method: "POST", path: "/v1/a", framed: true, secrets: ["/home/them/app"] };
  const problem = {
    title: "The request body cannot be parsed",
    status: 400,
    code: "BODY_MALFORMED",
    detail: "The body is not JSON.",
    requestId: ID,
  };

  function answer(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
    const type = status < 400 ? "application/json" : "application/problem+json";
    const all = { "content-type": type, "x-request-id": ID, ...headers };
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return {
      status,
      headers: new Map(Object.entries(all)),
      head: `HTTP/1.1 ${status} x\r\n${Object.entries(all).join("\r\n")}`,
      body: Buffer.from(text),
    };
  }

  test("not when it is as documented", () => {
    expect(findFault(answer(200, { a: 1 }), asked)).toBeUndefined();
    expect(findFault(answer(400, problem), asked)).toBeUndefined();
    const own = answer(200, 1, { "x-request-id": "r-1" });
    expect(findFault(own, { ...asked, requestId: "r-1" })).toBeUndefined();
  });

  test.each<[string, Answer, string]>([
    ["its status is not documented", answer(500, { ...problem, status: 500 }), "500"],
    ["its status is not that of its code", answer(422, { ...problem, status: 422 }), "422"],
    ["it is no JSON", answer(200, "{"), "does not parse"],
    ["it is no problem document", answer(400, { error: "no" }), "code undefined"],
    ["an error is text", answer(400, "no", { "content-type": "text/plain" }), "not JSON"],
    ["it has no request id", answer(200, 1, { "x-request-id": "" }), "X-Request-Id"],
    ["it has the id of another request", answer(200, 1, { "x-request-id": "r-1" }), "nobody"],
    [
      "its problem has another id",
      answer(400, { ...problem, requestId: "r" }),
      "another request id",
    ],
    ["it tells a path", answer(400, { ...problem, detail: "in /home/them/app/x" }), "/home/them"],
    [
      "it tells a stack",
      answer(400, { ...problem, detail: "Error: x\n    at run (a.js:1:2)" }),
      "inside",
    ],
  ])("when %s", (_what, wrong, words) => {
    expect(findFault(wrong, asked)).toContain(words);
  });
});
