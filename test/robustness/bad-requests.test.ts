import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CliHome, CliServer } from "../cli/run-cli.js";
import { CUSTOMERS, isRight, makeChurnHome } from "./churn.js";
import { amidGoodRequests, problemOf, send } from "./traffic.js";

let home: CliHome;
let server: CliServer;
beforeAll(async () => {
  home = await makeChurnHome("--no-verify");
  server = await home.serve(["churn", "--port", "0"]);
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  expect(server.output()).not.toContain('"log.level":"error"');
  await home[Symbol.asyncDispose]();
});

const rows = CUSTOMERS.slice(0, 3).map(({ row }) => row);
const { age: _, ...ageless } = rows[0]!;
const withAge = (literal: string) =>
  JSON.stringify(rows).replace(/"age":[^,]+/g, `"age":${literal}`);

interface Case {
  body: string;
  headers?: Record<string, string>;
  method?: string;
  path?: string;
  status: number;
  problem: object;
}

const CASES: Record<string, Case> = {
  "malformed JSON": {
    body: '[{"plan": "basic",}]',
    status: 400,
    problem: { code: "BODY_MALFORMED", detail: expect.stringMatching(/line 1, column 19/) },
  },
  "JSON that is cut off": {
    body: JSON.stringify(rows).slice(0, -10),
    status: 400,
    problem: { code: "BODY_MALFORMED", detail: expect.stringContaining("the text ends") },
  },
  "no body": { body: "", status: 400, problem: { code: "BODY_MALFORMED" } },
  "NaN as a literal": {
    body: withAge("NaN"),
    status: 400,
    problem: { code: "BODY_MALFORMED", detail: expect.stringMatching(/no NaN: send null/) },
  },
  "an infinity as a literal": {
    body: withAge("-Infinity"),
    status: 400,
    problem: { code: "BODY_MALFORMED", detail: expect.stringMatching(/no -Infinity/) },
  },
  "a number beyond the doubles": {
    body: withAge("1e999"),
    status: 422,
    problem: { code: "INPUT_INVALID", issues: [{ row: 0, column: "age" }, {}, {}] },
  },
  "another content type": {
    body: "<plan/>",
    headers: { "content-type": "application/xml" },
    status: 415,
    problem: { code: "MEDIA_TYPE_UNSUPPORTED", received: "application/xml" },
  },
  "a column that every row lacks": {
    body: JSON.stringify([ageless, ageless]),
    status: 422,
    problem: {
      code: "INPUT_INVALID",
      issues: [{ column: "age", expected: "number" }],
    },
  },
  "a column that one row lacks": {
    body: JSON.stringify([rows[0], rows[1], ageless]),
    status: 422,
    problem: { code: "INPUT_INVALID", issues: [{ row: 2, column: "age", expected: "number" }] },
  },
  "text in a column of numbers": {
    body: JSON.stringify([rows[0], { ...rows[1], tenure_months: "3" }]),
    status: 422,
    problem: {
      code: "INPUT_INVALID",
      issueCount: 1,
      issues: [{ row: 1, column: "tenure_months", expected: "number", received: 'string "3"' }],
    },
  },
  "null where nothing may be missing": {
    body: JSON.stringify([{ ...rows[0], tenure_months: null }]),
    status: 422,
    problem: { code: "INPUT_INVALID", issues: [{ row: 0, column: "tenure_months" }] },
  },
  "a word that is none of an enumeration": {
    body: JSON.stringify([{ ...rows[0], plan: "gold" }]),
    status: 422,
    problem: { code: "INPUT_INVALID", issues: [{ row: 0, column: "plan" }] },
  },
  "one row without its list": {
    body: JSON.stringify(rows[0]),
    status: 422,
    problem: { code: "INPUT_INVALID", hint: expect.stringContaining("[ ]") },
  },
  "another type for the json API": {
    body: '{"text": 5}',
    path: "/v1/repeat",
    status: 422,
    problem: { code: "INPUT_INVALID", issues: [{ path: "text", expected: "string" }] },
  },
  "an unknown route": {
    body: "[]",
    path: "/v1/predictt",
    status: 404,
    problem: { code: "ROUTE_NOT_FOUND", expected: expect.stringContaining("POST /v1/predict") },
  },
  "another method": {
    body: "[]",
    method: "PUT",
    status: 405,
    problem: { code: "METHOD_NOT_ALLOWED", expected: "POST", received: "PUT" },
  },
};

describe("a bad request is told what is wrong while good ones are answered", () => {
  test.each(Object.entries(CASES))("%s", async (_what, { body, status, problem, ...options }) => {
    const { path = "/v1/predict" } = options;
    await amidGoodRequests(server.url, async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => send(`${server.url}${path}`, body, options)),
      );
      for (const answer of answers) {
        expect(answer.status).toBe(status);
        expect(problemOf(answer)).toMatchObject(problem);
      }
      expect(new Set(answers.map((one) => one.headers["x-request-id"])).size).toBe(20);
    });
  });

  test("all of them at once", async () => {
    await amidGoodRequests(server.url, async () => {
      const cases = Array.from({ length: 20 }, () => Object.values(CASES)).flat();
      const answers = await Promise.all(
        cases.map(({ body, path = "/v1/predict", ...options }) =>
          send(`${server.url}${path}`, body, options),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual(cases.map(({ status }) => status));
    });
  });
});

describe("what may look wrong and is right", () => {
  test("a column that the schema does not name is left out", async () => {
    const more = rows.map((row) => ({ ...row, customer_id: "C-1", notes: { a: [1] } }));
    const answer = await send(`${server.url}/v1/predict`, JSON.stringify(more));
    expect(isRight(JSON.parse(answer.body), CUSTOMERS.slice(0, 3))).toBe(true);
  });

  test("a table without rows is answered with an empty list", async () => {
    await amidGoodRequests(server.url, async () => {
      expect(await send(`${server.url}/v1/predict`, "[]")).toMatchObject({
        status: 200,
        body: "[]",
      });
    });
  });
});
