import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import service from "../../examples/production-report/service.js";

interface Answer {
  status: number;
  body: unknown;
}

const read = (name: string): unknown =>
  JSON.parse(
    readFileSync(new URL(`../../examples/production-report/${name}`, import.meta.url), "utf8"),
  );

async function post(body: unknown, id = "report-1"): Promise<Answer> {
  const response = await service.app.request("/v1/report/predict", {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": id },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

function table(...ids: string[]): object {
  const row = { tenure_months: 12, monthly_charges: 24 };
  return { df_data: ids.map((customer_id) => ({ customer_id, ...row })) };
}

const known = (code: string): Answer => ({
  status: 200,
  body: { Msg: expect.any(String) as string, "Error Code": code },
});
const scores = (count: number): Answer => ({
  status: 200,
  body: Array.from({ length: count }, () => ({ score: expect.any(Number) as number })),
});

test("a table is scored", async () => {
  expect(await post(read("request.json"))).toEqual({ status: 200, body: read("response.json") });
});

test.each([
  ["{", /^The body is not JSON: .* line 1, column 2/],
  ["[]", /df_data is missing/],
  ["null", /df_data is missing/],
])("the malformed body %s is answered in the words of the report", async (body, message) => {
  expect(await post(body)).toEqual({
    status: 400,
    body: { Code: "E400", Msg: expect.stringMatching(message) as string },
  });
});

test("a row that is not valid is named in the same words", async () => {
  const answer = await post({
    df_data: [{ customer_id: "c-1", tenure_months: 1.5, monthly_charges: 1 }],
  });
  expect(answer).toEqual({
    status: 422,
    body: { Code: "E422", Msg: expect.stringContaining("tenure_months") as string },
  });
});

test("known errors have the status 200 while the rest of their batch is answered", async () => {
  const answers = await Promise.all([
    post(table("c-1", "c-2")),
    post(table()),
    post(table("c-1", "nobody")),
    post(table("c-3")),
    post("{"),
  ]);
  expect(answers).toEqual([
    scores(2),
    known("E2001"),
    known("E2002"),
    scores(1),
    { status: 400, body: { Code: "E400", Msg: expect.any(String) as string } },
  ]);
  expect((answers[2]!.body as { Msg: string }).Msg).toBe("nobody is not known.");
});

test("an unknown error has the status 500 and tells nothing, and only its request fails", async () => {
  const poison = {
    df_data: [{ customer_id: "c-1", tenure_months: 1, monthly_charges: 10_001 }],
  };
  const answers = await Promise.all([
    post(table("c-1")),
    post(poison, "poisoned"),
    post(table("c-2")),
  ]);
  expect(answers).toEqual([
    scores(1),
    { status: 500, body: { Code: "E500", Msg: "The request failed.", "Request Id": "poisoned" } },
    scores(1),
  ]);
});

test("what is wrong with a request before its body keeps the standard answer", async () => {
  const response = await service.app.request("/v1/report/predict", {
    method: "POST",
    headers: { "content-length": "999999999", "content-type": "application/json" },
    body: "{}",
  });
  expect([response.status, response.headers.get("content-type")]).toEqual([
    413,
    "application/problem+json",
  ]);
});

test("the page shows the request of the report", async () => {
  const document = (await (await service.app.request("/openapi.json")).json()) as {
    paths: Record<string, { post: { requestBody: { content: Record<string, unknown> } } }>;
  };
  const { content } = document.paths["/v1/report/predict"]!.post.requestBody;
  expect(content["application/json"]).toMatchObject({
    schema: { properties: { df_data: { type: "array" } }, required: ["df_data"] },
    example: { df_data: [{ customer_id: "c-1", tenure_months: 3, monthly_charges: 70.35 }] },
  });
});
