import { bearerAuth } from "hono/bearer-auth";
import { expect, test } from "vitest";
import { z } from "zod";
import { findPackageVersion } from "../../../sdk/http/package-version.js";
import { tensor } from "../../../sdk/inputs/tensor.js";
import { text } from "../../../sdk/inputs/text.js";
import { bytesOutput } from "../../../sdk/outputs/bytes-output.js";
import { dataframeOutput } from "../../../sdk/outputs/dataframe-output.js";
import type { Context } from "../../../sdk/service/context.js";
import { api, service } from "../serving.js";
import { churn, churnApi, serve, transcribe, type ServedProtocols } from "./protocol-serving.js";

interface Scored {
  status: number;
  body: any;
  headers: Headers;
}

async function invoke(
  { url }: ServedProtocols,
  body: object | string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Scored> {
  const plain = typeof body === "string" || body instanceof Uint8Array;
  const response = await fetch(`${url}/invocations`, {
    method: "POST",
    body: plain ? body : JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers },
  });
  const answer = await response.text();
  return { status: response.status, body: JSON.parse(answer), headers: response.headers };
}

const PREDICTIONS = [
  { churn: 0.5, label: "stays" },
  { churn: 1.25, label: "goes" },
];

const SPLIT = {
  columns: ["tenure", "plan"],
  index: [0, 1],
  data: [
    [4, "pro"],
    [null, "basic"],
  ],
};

test("predictions are a list also where the API answers with a table in another orient", async () => {
  const Churn = z.object({ churn: z.number(), label: z.string() });
  for (const orient of ["split", "columns", "index", "values", "records"] as const) {
    const output = dataframeOutput(Churn, { orient });
    await using served = await serve(churn({ apis: { predict: churnApi({ output }) } }));
    const { status, body } = await invoke(served, { dataframe_split: SPLIT });
    expect([status, body]).toEqual([200, { predictions: PREDICTIONS }]);
  }
});

test.each([
  ["dataframe_split", { dataframe_split: SPLIT }],
  [
    "dataframe_split without an index",
    { dataframe_split: { columns: SPLIT.columns, data: SPLIT.data } },
  ],
  ["dataframe_split of a frame without names", { dataframe_split: { ...SPLIT, columns: [0, 1] } }],
  ["dataframe_split without columns", { dataframe_split: { data: SPLIT.data } }],
  [
    "dataframe_split in another order of columns",
    {
      dataframe_split: {
        columns: ["plan", "tenure"],
        data: [
          ["pro", 4],
          ["basic", null],
        ],
      },
    },
  ],
  [
    "dataframe_records",
    {
      dataframe_records: [
        { tenure: 4, plan: "pro" },
        { tenure: null, plan: "basic" },
      ],
    },
  ],
  [
    "instances of objects",
    {
      instances: [
        { tenure: 4, plan: "pro" },
        { tenure: null, plan: "basic" },
      ],
    },
  ],
  ["instances of lists", { instances: SPLIT.data }],
  ["inputs of columns", { inputs: { tenure: [4, null], plan: ["pro", "basic"] } }],
  [
    "inputs of rows",
    {
      inputs: [
        { tenure: 4, plan: "pro" },
        { tenure: null, plan: "basic" },
      ],
    },
  ],
  ["fields beside it", { dataframe_split: SPLIT, params: { temperature: 1 }, signature_name: "s" }],
])("a table comes as %s", async (_, body) => {
  await using served = await serve(churn());
  const answer = await invoke(served, body, { "x-request-id": "s-1" });
  expect([answer.status, answer.body]).toEqual([200, { predictions: PREDICTIONS }]);
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(answer.headers.get("x-request-id")).toBe("s-1");
});

test("MLflow's client is answered", async () => {
  await using served = await serve(churn());
  const json =
    '{"dataframe_split": {"index": [0, 1], "columns": ["tenure", "plan"], "data": [[4, "pro"], [8, "basic"]]}, "params": {"threshold": 0.5}}';
  const answer = await transcribe(
    served.port,
    [
      "POST /invocations HTTP/1.1",
      `Host: 127.0.0.1:${served.port}`,
      "User-Agent: python-requests/2.32.3",
      "Accept-Encoding: gzip, deflate",
      "Accept: */*",
      "Connection: keep-alive",
      "Content-Type: application/json",
      `Content-Length: ${json.length}`,
    ],
    json,
  );
  expect(answer.status).toBe(200);
  expect(answer.body.toString()).toBe(
    '{"predictions":[{"churn":0.5,"label":"stays"},{"churn":1,"label":"goes"}]}',
  );
});

test("CSV has a header, as pandas writes it", async () => {
  await using served = await serve(churn());
  const csv = { "content-type": "text/csv; charset=utf-8" };
  const answer = await invoke(served, "tenure,plan\n4,pro\n,basic\n", csv);
  expect([answer.status, answer.body]).toEqual([200, { predictions: PREDICTIONS }]);
  const without = await invoke(served, "4,pro\n,basic\n", csv);
  expect(without.status).toBe(422);
  expect(Object.keys(without.body)).toEqual(["error_code", "message"]);
});

test("a table of no rows has no predictions", async () => {
  await using served = await serve(churn());
  expect((await invoke(served, { dataframe_records: [] })).body).toEqual({ predictions: [] });
});

test("an error has MLflow's code and a message, and the status of the problem", async () => {
  await using served = await serve(churn());
  const cases: [object | string, number, string, RegExp][] = [
    ["{", 400, "BAD_REQUEST", /JSON/],
    ["[1]", 400, "BAD_REQUEST", /exactly one of the fields/],
    [{}, 400, "BAD_REQUEST", /exactly one/],
    [{ data: 1 }, 400, "BAD_REQUEST", /exactly one/],
    [{ inputs: [], instances: [] }, 400, "BAD_REQUEST", /exactly one/],
    [{ dataframe_split: [] }, 400, "BAD_REQUEST", /dataframe_split/],
    [{ dataframe_split: { columns: [] } }, 400, "BAD_REQUEST", /dataframe_split/],
    [{ dataframe_split: { data: [], more: 1 } }, 400, "BAD_REQUEST", /dataframe_split/],
    [{ dataframe_split: { data: [], columns: "a" } }, 400, "BAD_REQUEST", /dataframe_split/],
    [{ dataframe_records: {} }, 400, "BAD_REQUEST", /dataframe_records/],
    [{ instances: "a" }, 400, "BAD_REQUEST", /instances/],
    [
      { dataframe_records: [{ tenure: "x", plan: "pro" }] },
      422,
      "INVALID_PARAMETER_VALUE",
      /tenure/,
    ],
    [{ dataframe_records: [{ tenure: 1 }] }, 422, "INVALID_PARAMETER_VALUE", /plan/],
    ['{"__proto__": {"inputs": []}}', 400, "BAD_REQUEST", /exactly one/],
    ["x".repeat(1024 * 1024 + 1), 413, "BAD_REQUEST", /bytes/],
  ];
  for (const [body, status, code, message] of cases) {
    const answer = await invoke(served, body);
    const { error_code } = answer.body;
    expect([body, answer.status, error_code]).toEqual([body, status, code]);
    expect(answer.body.message).toMatch(message);
    expect(Object.keys(answer.body)).toEqual(["error_code", "message"]);
  }
  const type = await invoke(served, "x", { "content-type": "application/x-npy" });
  expect(type.status).toBe(415);
  expect(type.body.message).toContain("text/csv");
  await served.runtime.drain();
  const drained = await invoke(served, { dataframe_records: [] });
  expect([drained.status, drained.body.error_code]).toEqual([503, "TEMPORARILY_UNAVAILABLE"]);
});

test("an API that takes one item takes one", async () => {
  await using served = await serve(service([api()]));
  const point = { x: 1, y: 2 };
  for (const body of [
    { inputs: point },
    { instances: [point] },
    { dataframe_records: [point] },
    { dataframe_split: { columns: ["y", "x"], data: [[2, 1]] } },
  ]) {
    expect((await invoke(served, body)).body).toEqual({ predictions: [{ sum: 3 }] });
  }
  const two = await invoke(served, { instances: [point, point] });
  expect([two.status, two.body.message]).toEqual([422, expect.stringContaining("has 2")]);
  const ragged = await invoke(served, { dataframe_split: { columns: ["x", "y"], data: [[1]] } });
  expect(ragged.status).toBe(400);
});

test("tensors come as lists, under the name that they may have", async () => {
  const sum = api({
    input: tensor({ shape: [2], dtype: "float32", many: true, name: "x" }),
    output: z.number(),
    handler: (x: ArrayLike<number> & { dims: number[] }) =>
      Array.from({ length: x.dims[0]! }, (_, i) => x[2 * i]! + x[2 * i + 1]!),
  });
  await using served = await serve(service([sum]));
  const rows = [
    [1, 2],
    [3, 4],
  ];
  for (const body of [
    { inputs: rows },
    { inputs: { x: rows } },
    { instances: rows },
    { instances: rows.map((x) => ({ x })) },
    { dataframe_split: { columns: ["a", "b"], index: [0, 1], data: rows } },
  ]) {
    expect([body, (await invoke(served, body)).body]).toEqual([body, { predictions: [3, 7] }]);
  }
});

test("other media types of the input are read as on its own route", async () => {
  const shout = api({
    name: "shout",
    input: text(),
    output: z.string(),
    handler: (sent: string) => sent.toUpperCase(),
  });
  await using served = await serve(service([shout]));
  const answer = await invoke(served, "hello", { "content-type": "text/plain" });
  expect(answer.body).toEqual({ predictions: ["HELLO"] });
  expect((await invoke(served, { inputs: "hello" })).body).toEqual({ predictions: ["HELLO"] });
});

test("predictions are JSON whatever the API answers itself", async () => {
  const bytes = api({
    output: bytesOutput(),
    handler: () => Uint8Array.of(1, 2, 255),
  });
  await using served = await serve(service([bytes]));
  expect((await invoke(served, { inputs: { x: 1, y: 2 } })).body).toEqual({
    predictions: [{ b64: "AQL/" }],
  });
});

test("the probes of MLflow and SageMaker follow the state of the service", async () => {
  await using served = await serve(churn(), { start: false });
  const probe = async (path: string): Promise<[number, string]> => {
    const response = await fetch(served.url + path);
    return [response.status, await response.text()];
  };
  expect(await probe("/ping")).toEqual([503, "\n"]);
  await served.runtime.start();
  expect(await probe("/ping")).toEqual([200, "\n"]);
  expect(await probe("/health")).toEqual([200, "\n"]);
  expect(await probe("/version")).toEqual([200, findPackageVersion()]);
});

test("what the service rejects with has its status, and its body as the message", async () => {
  const plain = api({
    handler: (_: never, { reject }: Context) => reject(0, 409, "Out of stock."),
  });
  await using one = await serve(service([plain]));
  const body = { inputs: { x: 1, y: 2 } };
  const answer = await invoke(one, body);
  expect([answer.status, answer.body]).toEqual([
    409,
    { error_code: "BAD_REQUEST", message: "Out of stock." },
  ]);
  const fields = api({
    handler: (_: never, { reject }: Context) => reject(0, 429, { reason: "quota", left: 0 }),
  });
  await using two = await serve(service([fields]));
  expect((await invoke(two, body)).body).toEqual({
    error_code: "REQUEST_LIMIT_EXCEEDED",
    message: '{"reason":"quota","left":0}',
  });
});

test("without an API that stands for the service the error says how to have one", async () => {
  const apis = ["a", "b"].map((name) => api({ name, route: `v1/${name}` }));
  await using served = await serve(service(apis));
  const answer = await invoke(served, { inputs: { x: 1, y: 2 } });
  expect([answer.status, answer.body.error_code]).toEqual([404, "ENDPOINT_NOT_FOUND"]);
  expect(answer.body.message).toMatch(/a, b.*predict/);
});

test("of several APIs predict is asked", async () => {
  await using served = await serve(service([api(), churnApi()]));
  expect((await invoke(served, { dataframe_split: SPLIT })).body).toEqual({
    predictions: PREDICTIONS,
  });
});

test("the middlewares of the service stand in front, and their refusals are in MLflow's form", async () => {
  await using served = await serve(churn({ middleware: [bearerAuth({ token: "open-sesame" })] }));
  const refused = await invoke(served, { dataframe_split: SPLIT });
  expect([refused.status, refused.body.error_code]).toEqual([401, "UNAUTHENTICATED"]);
  expect(refused.headers.get("www-authenticate")).toContain("Bearer");
  const authorization = "Bearer open-sesame";
  const answer = await invoke(served, { dataframe_split: SPLIT }, { authorization });
  expect([answer.status, answer.body]).toEqual([200, { predictions: PREDICTIONS }]);
  expect((await fetch(`${served.url}/ping`)).status).toBe(200);
});

test("a service may do without the protocol", async () => {
  await using served = await serve(churn({ protocols: { openInference: true, mlflow: false } }));
  for (const path of ["/ping", "/health", "/version"]) {
    expect([path, (await fetch(served.url + path)).status]).toEqual([path, 404]);
  }
  expect((await fetch(`${served.url}/invocations`, { method: "POST", body: "{}" })).status).toBe(
    404,
  );
});
