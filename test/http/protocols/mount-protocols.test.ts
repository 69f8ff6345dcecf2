import { expect, test } from "vitest";
import { EkibenError } from "../../../sdk/core/errors.js";
import { findProblemForm } from "../../../sdk/http/protocols/mount-protocols.js";
import { toDressed } from "../../../sdk/http/protocols/protocol-route.js";
import { toProblemResponse } from "../../../sdk/http/problem-response.js";
import { silentLog } from "../../../sdk/observability/log.js";

const BOTH = { openInference: true, mlflow: true };
const NONE = { openInference: false, mlflow: false };

test.each([
  ["/v2", '{"error":"d h"}'],
  ["/v2/models/a/config", '{"error":"d h"}'],
  ["/v2/health/live", '{"error":"d h"}'],
  ["/v2/repository/index", '{"error":"d h"}'],
  ["/invocations", '{"error_code":"ENDPOINT_NOT_FOUND","message":"d h"}'],
  ["/ping", '{"error_code":"ENDPOINT_NOT_FOUND","message":"d h"}'],
])("the errors at %s are in the form of its protocol", (path, expected) => {
  expect(findProblemForm(path, BOTH)!({ status: 404, detail: "d", hint: "h" })).toBe(expected);
  expect(findProblemForm(path, NONE)).toBeUndefined();
});

test.each(["/", "/v1/predict", "/v2/modelsandmore", "/v2x", "/invocations/more", "/v2/churn"])(
  "the errors at %s are problem documents",
  (path) => {
    expect(findProblemForm(path, BOTH)).toBeUndefined();
  },
);

test("a problem that takes another form keeps its status and its other headers", async () => {
  const error = new EkibenError("QUEUE_FULL", { detail: "Full.", retryAfter: 3 });
  const problem = toProblemResponse(error, "id-1", { mode: "production", log: silentLog });
  problem.headers.set("allow", "POST");
  const dressed = await toDressed(problem, findProblemForm("/invocations", BOTH)!);
  expect(dressed.status).toBe(503);
  expect(Object.fromEntries(dressed.headers)).toEqual({
    allow: "POST",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-type": "application/json",
    "retry-after": "3",
    "x-request-id": "id-1",
  });
  expect(await dressed.json()).toEqual({ error_code: "TEMPORARILY_UNAVAILABLE", message: "Full." });
});
