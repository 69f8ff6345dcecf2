import { expect, test } from "vitest";
import { z } from "zod";
import { apiKey } from "../../sdk/http/guards/api-key.js";
import { defineService } from "../../sdk/notebook/define-service.js";
import { json } from "../../sdk/inputs/json.js";
import type { Tracing } from "../../sdk/observability/traces/tracing.js";
import { serveLogging } from "./request-log-serving.js";
import { api, build, send, service } from "./serving.js";

const Outcome = z.object({ churned: z.boolean(), note: z.string().max(5).optional() });

test("feedback is checked, written under the id of the answer, and said to be taken", async () => {
  await using served = await serveLogging(service([api()], { feedback: Outcome }));
  const say = (body: unknown, headers = {}) =>
    send(`${served.url}/feedback`, {
      headers: { "x-request-id": "own", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  const taken = await say({ requestId: "r-1", churned: true });
  expect(taken.status).toBe(202);
  expect(JSON.parse(taken.body)).toEqual({ status: "accepted", requestId: "r-1" });
  expect(await served.line("feedback", "r-1")).toMatchObject({
    message: "feedback",
    "event.dataset": "ekiben.feedback",
    "service.name": "adder",
    "http.request.id": "r-1",
    "ekiben.feedback.id": "own",
    "ekiben.feedback.body": '{"churned":true}',
  });
  for (const [body, status, code] of [
    [{ churned: true }, 422, "INPUT_INVALID"],
    [{ requestId: "a b", churned: true }, 422, "INPUT_INVALID"],
    [{ requestId: "r-2", churned: "yes" }, 422, "INPUT_INVALID"],
    [{ requestId: "r-2", churned: true, note: "too long" }, 422, "INPUT_INVALID"],
    [[], 422, "INPUT_INVALID"],
    ["{", 400, "BODY_MALFORMED"],
    [{ requestId: "r-2", churned: true, filling: "x".repeat(70_000) }, 413, "BODY_TOO_LARGE"],
  ] as const) {
    const answer = await say(body);
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([status, code]);
  }
  const xml = await say("<x/>", { "content-type": "application/xml" });
  expect(xml.status).toBe(415);
  expect((await send(`${served.url}/feedback`, { method: "GET" })).headers.allow).toContain("POST");
  expect(served.lines("feedback")).toHaveLength(1);
});

test("without a schema any object is taken; where no stream keeps it there is no route", async () => {
  await using served = await serveLogging(service([api()]));
  const body = JSON.stringify({ requestId: "r-1", stars: 5, why: { nested: [1] } });
  expect((await send(`${served.url}/feedback`, { body })).status).toBe(202);
  const line = await served.line("feedback", "r-1");
  expect(JSON.parse(line["ekiben.feedback.body"])).toEqual({ stars: 5, why: { nested: [1] } });
  await using off = await serveLogging(service([api()]), { streams: { prediction: true } });
  expect((await send(`${off.url}/feedback`, { body })).status).toBe(404);
});

test("who may not ask may not give feedback", async () => {
  const guarded = service([api()], { middleware: [apiKey({ keys: ["k"] })] });
  await using served = await serveLogging(guarded);
  const body = JSON.stringify({ requestId: "r-1" });
  expect((await send(`${served.url}/feedback`, { body })).status).toBe(401);
  const headers = { "x-api-key": "k", "x-request-id": "own" };
  expect((await send(`${served.url}/feedback`, { body, headers })).status).toBe(202);
  expect(served.lines("feedback")).toHaveLength(1);
  expect(await served.line("access", "own")).toMatchObject({ "http.route": "/feedback" });
});

test.each([[[]], [[apiKey({ keys: ["k"] })]]])(
  "its line leads to the trace of the request that brought it, behind middlewares too",
  async (middleware) => {
    const begun: string[] = [];
    const tracing = {
      begin({ id }: { id: string }) {
        begun.push(id);
        const fields = { "trace.id": `trace-of-${id}`, "span.id": `span-of-${id}` };
        return { fields, isRecorded: false, response: undefined, end() {} };
      },
    } as unknown as Tracing;
    await using served = await serveLogging(service([api()], { middleware }), {}, { tracing });
    const headers = { "x-api-key": "k", "x-request-id": "own" };
    const body = JSON.stringify({ requestId: "r-1", right: true });
    expect((await send(`${served.url}/feedback`, { body, headers })).status).toBe(202);
    expect(begun).toEqual(["own"]);
    expect(await served.line("feedback", "r-1")).toMatchObject({
      "ekiben.feedback.id": "own",
      "trace.id": "trace-of-own",
      "span.id": "span-of-own",
    });
  },
);

test("the document and the page describe it, with an example that is taken", async () => {
  const { app } = await build(service([api()], { feedback: Outcome }));
  const document = (await (await app.request("/openapi.json")).json()) as any;
  const { post } = document.paths["/feedback"];
  const { schema, example } = post.requestBody.content["application/json"];
  expect(schema.required).toEqual(["requestId", "churned"]);
  expect(Object.keys(schema.properties)).toEqual(["requestId", "churned", "note"]);
  expect(Object.keys(post.responses)).toEqual(["202", "400", "413", "415", "422"]);
  const headers = { "content-type": "application/json" };
  const sent = { method: "POST", headers, body: JSON.stringify(example) };
  expect((await app.request("/feedback", sent)).status).toBe(202);
  expect(await (await app.request("/")).text()).toContain("/feedback");
});

test("a service declares it once, and the last schema counts", async () => {
  const base = defineService({ name: "churn" }).api("predict", {
    input: json(z.object({ x: z.number() })),
    handler: () => 1,
  });
  expect(base.definition.feedback).toBeUndefined();
  const declared = base.feedback(z.object({ a: z.number() })).feedback(Outcome);
  expect(declared.definition.feedback).toBe(Outcome);
  const document = (await (await declared.app.request("/openapi.json")).json()) as any;
  expect(document.paths["/feedback"].post.responses).toHaveProperty("202");
  for (const wrong of [undefined, {}, z.number(), z.object({ requestId: z.string() })]) {
    expect(() => base.feedback(wrong as never)).toThrow(/\.feedback\(/);
  }
  expect(() => base.onRecord(5 as never)).toThrow(/\.onRecord\(\)/);
  expect(() => base.onRecord(() => {}, { streams: ["predictions"] as never })).toThrow(
    /predictions/,
  );
  const listening = base.onRecord((records) => records.length);
  expect(listening.definition.onRecord[0]!.streams).toEqual(["prediction", "feedback"]);
});
