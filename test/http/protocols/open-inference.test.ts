import { bearerAuth } from "hono/bearer-auth";
import { expect, test } from "vitest";
import { z } from "zod";
import { EkibenError } from "../../../sdk/core/errors.js";
import { findPackageVersion } from "../../../sdk/http/package-version.js";
import type { Input } from "../../../sdk/inputs/input.js";
import { tensor } from "../../../sdk/inputs/tensor.js";
import { dataframeOutput } from "../../../sdk/outputs/dataframe-output.js";
import type { Context } from "../../../sdk/service/context.js";
import { api, service } from "../serving.js";
import {
  churn,
  churnApi,
  serve,
  transcribe,
  type Columns,
  type ServedProtocols,
} from "./protocol-serving.js";

/** The JSON that a client puts before its bytes, and the bytes. */
function toBinary(json: object, ...data: Uint8Array[]): { length: number; body: Buffer } {
  const text = Buffer.from(JSON.stringify(json));
  return { length: text.length, body: Buffer.concat([text, ...data]) };
}

function bytesOf(...texts: string[]): Buffer {
  return Buffer.concat(
    texts.map((text) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(text));
      return Buffer.concat([length, Buffer.from(text)]);
    }),
  );
}

function floats(...values: number[]): Buffer {
  return Buffer.from(Float64Array.from(values).buffer);
}

async function get(
  { url }: ServedProtocols,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; body: any; headers: Headers }> {
  const response = await fetch(url + path, init);
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text), headers: response.headers };
}

const post = (served: ServedProtocols, path: string, body: object | string, headers = {}) =>
  get(served, path, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers },
  });

const REQUEST = {
  inputs: [
    { name: "tenure", shape: [2], datatype: "FP64", data: [4, null] },
    { name: "plan", shape: [2, 1], datatype: "BYTES", data: [["pro"], ["basic"]] },
  ],
};

const ANSWER = [
  { name: "churn", shape: [2], datatype: "FP64", data: [0.5, 1.25] },
  { name: "label", shape: [2], datatype: "BYTES", data: ["stays", "goes"] },
];

test("the server and its models tell what they are", async () => {
  await using served = await serve(churn());
  for (const path of ["/v2", "/v2/"]) {
    expect((await get(served, path)).body).toEqual({
      name: "ekiben",
      version: findPackageVersion(),
      extensions: ["binary_tensor_data"],
    });
  }
  expect((await get(served, "/v2/models")).body).toEqual({ models: ["predict", "churn"] });
  for (const name of ["predict", "churn"]) {
    for (const path of [`/v2/models/${name}`, `/v2/models/${name}/versions/dev`]) {
      expect((await get(served, path)).body).toEqual({
        name,
        versions: ["dev"],
        platform: "ekiben",
        inputs: [
          { name: "tenure", datatype: "FP64", shape: [-1] },
          { name: "plan", datatype: "BYTES", shape: [-1] },
        ],
        outputs: [
          { name: "churn", datatype: "FP64", shape: [-1] },
          { name: "label", datatype: "BYTES", shape: [-1] },
        ],
      });
    }
  }
});

test("a saved service has the version of its bundle", async () => {
  const bundle = {
    version: "20260102_ab",
    digest: "d",
    created: "2026-01-02T00:00:00Z",
    labels: {},
  };
  await using served = await serve(churn(), { bundle });
  expect((await get(served, "/v2/models/churn/versions/20260102_ab")).body.versions).toEqual([
    "20260102_ab",
  ]);
  const other = await get(served, "/v2/models/churn/versions/1");
  expect(other.status).toBe(404);
  expect(other.body.error).toContain("20260102_ab");
});

test("health follows the state of the service", async () => {
  await using served = await serve(churn(), { start: false });
  const starting = await get(served, "/v2/health/ready");
  expect([starting.status, starting.body]).toEqual([503, { live: true, ready: false }]);
  const model = await get(served, "/v2/models/churn/ready");
  expect([model.status, model.body]).toEqual([503, { name: "churn", ready: false }]);
  expect((await get(served, "/v2/health/live")).body).toEqual({ live: true });
  expect((await post(served, "/v2/models/churn/infer", REQUEST)).status).toBe(503);
  await served.runtime.start();
  const ready = await get(served, "/v2/health/ready", { headers: { "x-request-id": "probe-1" } });
  expect([ready.status, ready.body]).toEqual([200, { live: true, ready: true }]);
  expect(ready.headers.get("x-request-id")).toBe("probe-1");
  for (const path of ["/v2/models/churn/ready", "/v2/models/predict/versions/dev/ready"]) {
    expect((await get(served, path)).status).toBe(200);
  }
  await served.runtime.drain();
  expect((await get(served, "/v2/health/ready")).status).toBe(503);
});

test("a table is asked as tensors and answered as tensors", async () => {
  await using served = await serve(churn());
  const answer = await post(
    served,
    "/v2/models/churn/infer",
    { id: "7", ...REQUEST },
    {
      "x-request-id": "call-1",
    },
  );
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-request-id")).toBe("call-1");
  expect(answer.body).toEqual({
    model_name: "churn",
    model_version: "dev",
    id: "7",
    outputs: ANSWER,
  });
  const chosen = await post(served, "/v2/models/predict/versions/dev/infer", {
    ...REQUEST,
    outputs: [{ name: "label" }],
  });
  expect(chosen.body).toEqual({
    model_name: "predict",
    model_version: "dev",
    outputs: [ANSWER[1]],
  });
});

test("Triton's client is answered: bytes in, bytes out, no content type", async () => {
  await using served = await serve(churn());
  const data = [floats(4, Number.NaN), bytesOf("pro", "basic")];
  const { length, body } = toBinary(
    {
      id: "r1",
      inputs: [
        { name: "tenure", shape: [2], datatype: "FP64", parameters: { binary_data_size: 16 } },
        {
          name: "plan",
          shape: [2],
          datatype: "BYTES",
          parameters: { binary_data_size: data[1]!.length },
        },
      ],
      parameters: { binary_data_output: true },
    },
    ...data,
  );
  const answer = await transcribe(
    served.port,
    [
      "POST /v2/models/churn/infer HTTP/1.1",
      "User-Agent: python/gevent-http-client-2.3",
      `Host: 127.0.0.1:${served.port}`,
      `Inference-Header-Content-Length: ${length}`,
      `Content-Length: ${body.length}`,
    ],
    body,
  );
  expect(answer.status).toBe(200);
  expect(answer.headers["content-type"]).toBe("application/octet-stream");
  const split = Number(answer.headers["inference-header-content-length"]);
  expect(JSON.parse(answer.body.subarray(0, split).toString())).toEqual({
    model_name: "churn",
    model_version: "dev",
    id: "r1",
    outputs: [
      { name: "churn", shape: [2], datatype: "FP64", parameters: { binary_data_size: 16 } },
      { name: "label", shape: [2], datatype: "BYTES", parameters: { binary_data_size: 17 } },
    ],
  });
  expect(answer.body.subarray(split)).toEqual(
    Buffer.concat([floats(0.5, 1.25), bytesOf("stays", "goes")]),
  );
});

test("Triton's client is answered when it packs its request, and when it sends JSON alone", async () => {
  await using served = await serve(churn());
  const { gzipSync } = await import("node:zlib");
  const packed = gzipSync(
    JSON.stringify({
      ...REQUEST,
      outputs: [{ name: "churn", parameters: { binary_data: false } }],
    }),
  );
  const answer = await transcribe(
    served.port,
    [
      "POST /v2/models/churn/versions/dev/infer HTTP/1.1",
      `Host: 127.0.0.1:${served.port}`,
      "Content-Encoding: gzip",
      "Accept-Encoding: gzip",
      `Content-Length: ${packed.length}`,
    ],
    packed,
  );
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body.toString()).outputs).toEqual([ANSWER[0]]);
});

test("KServe's client is answered: its JSON without a type, its bytes as octets", async () => {
  await using served = await serve(churn());
  const json = JSON.stringify({
    id: "4be37d0c-9f7f-4f2b-9a3b-3c4c4d1f1b0a",
    model_name: "churn",
    inputs: [
      { name: "tenure", shape: [1], datatype: "FP64", data: [8.0] },
      { name: "plan", shape: [1], datatype: "BYTES", data: ["pro"] },
    ],
  });
  const head = (length: number): string[] => [
    "POST /v2/models/churn/infer HTTP/1.1",
    `Host: 127.0.0.1:${served.port}`,
    "Accept: */*",
    "Accept-Encoding: gzip, deflate",
    "Connection: keep-alive",
    "User-Agent: python-httpx/0.27.2",
    `Content-Length: ${length}`,
  ];
  const plain = await transcribe(served.port, head(json.length), json);
  expect(plain.headers).not.toHaveProperty("inference-header-content-length");
  expect(JSON.parse(plain.body.toString())).toMatchObject({
    model_name: "churn",
    id: "4be37d0c-9f7f-4f2b-9a3b-3c4c4d1f1b0a",
    outputs: [{ name: "churn", shape: [1], datatype: "FP64", data: [1] }, { name: "label" }],
  });
  const { length, body } = toBinary(
    {
      id: "1",
      model_name: "churn",
      inputs: [
        { name: "tenure", shape: [1], datatype: "FP64", parameters: { binary_data_size: 8 } },
        { name: "plan", shape: [1], datatype: "BYTES", data: ["pro"] },
      ],
      outputs: [{ name: "churn", parameters: { binary_data: true } }],
    },
    floats(8),
  );
  const binary = await transcribe(
    served.port,
    [
      ...head(body.length),
      `inference-header-content-length: ${length}`,
      "content-type: application/octet-stream",
    ],
    body,
  );
  const split = Number(binary.headers["inference-header-content-length"]);
  expect(binary.body.subarray(split)).toEqual(floats(1));
});

test("an error is one text in JSON, with the status of the problem", async () => {
  await using served = await serve(churn());
  const cases: [string, object | string, number, RegExp][] = [
    ["/v2/models/churn/infer", "{", 400, /JSON/],
    [
      "/v2/models/churn/infer",
      { inputs: [{ ...REQUEST.inputs[0], shape: [3] }] },
      400,
      /tenure.*\[3\]/,
    ],
    ["/v2/models/churn/infer", { inputs: [REQUEST.inputs[0]] }, 422, /plan/],
    ["/v2/models/churn/infer", { inputs: [] }, 422, /tensor/],
    [
      "/v2/models/churn/infer",
      { ...REQUEST, outputs: [{ name: "nope" }] },
      422,
      /nope.*churn, label/,
    ],
    ["/v2/models/other/infer", REQUEST, 404, /other.*predict, churn/],
    ["/v2/models/churn/versions/9/infer", REQUEST, 404, /dev/],
    ["/v2/models/__proto__/infer", REQUEST, 404, /__proto__/],
  ];
  for (const [path, body, status, message] of cases) {
    const answer = await post(served, path, body, { "x-request-id": "e-1" });
    expect([path, answer.status]).toEqual([path, status]);
    expect(Object.keys(answer.body)).toEqual(["error"]);
    expect(answer.body.error).toMatch(message);
    // KServe's client reads the error of this content type only.
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.headers.get("x-request-id")).toBe("e-1");
  }
  const large = await post(served, "/v2/models/churn/infer", "x".repeat(1024 * 1024 + 1));
  expect([large.status, Object.keys(large.body)]).toEqual([413, ["error"]]);
  const csv = await post(served, "/v2/models/churn/infer", "a\n1", { "content-type": "text/csv" });
  expect(csv.status).toBe(415);
});

test("what fails inside of the service tells nothing of it", async () => {
  const failing = churnApi({
    handler: () => {
      throw new Error("secret");
    },
  });
  await using served = await serve(service([failing], { name: "churn" }));
  const answer = await post(served, "/v2/models/churn/infer", REQUEST);
  expect(answer.status).toBe(500);
  expect(answer.body.error).not.toContain("secret");
});

test("what the service rejects with is the error, with its status", async () => {
  const closed = churnApi({
    handler: (_: Columns, { reject }: Context) => reject(0, 409, { error: "Closed on Mondays." }),
  });
  await using served = await serve(service([closed], { name: "churn" }));
  const answer = await post(served, "/v2/models/churn/infer", REQUEST);
  expect([answer.status, answer.body]).toEqual([409, { error: "Closed on Mondays." }]);
});

test("a request that is shed says when to try again", async () => {
  const busy = churnApi({
    handler: () => {
      throw new EkibenError("QUEUE_FULL", { detail: "Full.", retryAfter: 2 });
    },
  });
  await using served = await serve(service([busy], { name: "churn" }));
  const answer = await post(served, "/v2/models/churn/infer", REQUEST);
  expect([answer.status, answer.body]).toEqual([503, { error: "Full." }]);
  expect(answer.headers.get("retry-after")).toBe("2");
});

test("tensors go in as tensors", async () => {
  const sum = api({
    name: "sum",
    input: tensor({ shape: [2, 2], dtype: "float32", many: true, name: "x" }),
    output: z.object({ sum: z.number() }),
    handler: (x: Float32Array & { row(i: number): Float32Array; dims: number[] }) =>
      Array.from({ length: x.dims[0]! }, (_, i) => ({ sum: x.row(i).reduce((a, b) => a + b) })),
  });
  await using served = await serve(service([sum]));
  expect((await get(served, "/v2/models/sum")).body.inputs).toEqual([
    { name: "x", datatype: "FP32", shape: [-1, 2, 2] },
  ]);
  const { length, body } = toBinary(
    {
      inputs: [
        { name: "x", shape: [2, 2, 2], datatype: "FP16", parameters: { binary_data_size: 16 } },
      ],
    },
    Buffer.from(Uint16Array.of(0x3c00, 0x3c00, 0, 0, 0x4000, 0, 0, 0xc000).buffer),
  );
  const answer = await post(served, "/v2/models/adder/infer", body.toString("latin1"), {});
  expect(answer.status).toBe(400);
  const raw = await fetch(`${served.url}/v2/models/adder/infer`, {
    method: "POST",
    body,
    headers: { "inference-header-content-length": String(length) },
  });
  expect(await raw.json()).toMatchObject({ outputs: [{ name: "sum", data: [2, 0] }] });
});

test("an API of JSON is asked with its JSON as the one element of a tensor", async () => {
  await using served = await serve(service([api()]));
  expect((await get(served, "/v2/models/add")).body).toMatchObject({
    inputs: [{ name: "input", datatype: "BYTES", shape: [1] }],
    outputs: [{ name: "sum", datatype: "FP64", shape: [-1] }],
  });
  const ask = (data: string[], shape = [data.length]) =>
    post(served, "/v2/models/add/infer", {
      inputs: [{ name: "input", shape, datatype: "BYTES", data }],
    });
  expect((await ask(['{"x":1,"y":2}'])).body.outputs).toEqual([
    { name: "sum", shape: [1], datatype: "FP64", data: [3] },
  ]);
  expect((await ask(['{"x":1}'])).status).toBe(422);
  expect((await ask(["{"])).status).toBe(400);
  expect((await ask(["1", "2"])).body.error).toMatch(/one element of BYTES/);
});

test("a whole table that answers one item is answered as its columns", async () => {
  const split = api({
    name: "steps",
    route: "steps",
    output: dataframeOutput(z.object({ at: z.number() })),
    handler: ({ x, y }: { x: number; y: number }) => [{ at: x }, { at: y }],
  });
  await using served = await serve(service([split]));
  const { status, body } = await post(served, "/v2/models/steps/infer", {
    inputs: [{ name: "body", shape: [1], datatype: "BYTES", data: ['{"x":1,"y":2}'] }],
  });
  expect(status).toBe(200);
  expect(body.outputs).toMatchObject([{ name: "at", shape: [2], datatype: "FP64", data: [1, 2] }]);
});

test("an input that cannot come as tensors is named, and has none", async () => {
  const closed: Input = { ...api().input, kind: "form", mediaTypes: ["multipart/form-data"] };
  delete (closed as { parseJson?: unknown }).parseJson;
  await using served = await serve(service([api({ input: closed, example: undefined })]));
  expect((await get(served, "/v2/models/add")).body.inputs).toEqual([]);
  const answer = await post(served, "/v2/models/add/infer", REQUEST);
  expect(answer.status).toBe(415);
  expect(answer.body.error).toMatch(/form.*POST \/v1\/add/);
});

test("the service's name stands for predict, for the only API, or for none of several", async () => {
  const names = async (...apis: string[]): Promise<string[]> => {
    const made = apis.map((name) => api({ name, route: `v1/${name}` }));
    await using served = await serve(service(made, { name: "shop" }));
    return (await get(served, "/v2/models")).body.models;
  };
  expect(await names("a", "predict")).toEqual(["a", "predict", "shop"]);
  expect(await names("a")).toEqual(["a", "shop"]);
  expect(await names("a", "b")).toEqual(["a", "b"]);
  expect(await names("a", "shop")).toEqual(["a", "shop"]);
});

test("an API that has no request for it is no model, and the error says why", async () => {
  const parameters = api({
    name: "one",
    route: "v1/one/:id",
    params: z.object({ id: z.string() }),
    exampleParameters: { params: { id: "a" } },
  });
  await using served = await serve(service([parameters, api()]));
  expect((await get(served, "/v2/models")).body.models).toEqual(["add", "adder"]);
  const answer = await get(served, "/v2/models/one");
  expect(answer.status).toBe(404);
  expect(answer.body.error).toContain("parameters in its path");
});

test("the middlewares of the service stand in front of inference, on every path to it, and of nothing else", async () => {
  const middleware = [bearerAuth({ token: "open-sesame" })];
  await using served = await serve(churn({ middleware }));
  for (const path of [
    "/v2/models/churn/infer",
    "/v2/models/predict/versions/dev/infer",
    "/v2/models/nope/infer",
    "/v2/models/%63hurn/infer",
  ]) {
    const refused = await post(served, path, REQUEST);
    expect([path, refused.status]).toEqual([path, 401]);
    expect(Object.keys(refused.body)).toEqual(["error"]);
    expect(refused.headers.get("content-type")).toBe("application/json");
    expect(refused.headers.get("www-authenticate")).toContain("Bearer");
    expect(refused.headers.get("x-request-id")).not.toBeNull();
  }
  // Whatever a router might take for the route must not answer without them.
  for (const path of [
    "/v2/models/churn/infer/",
    "/v2/models/churn//infer",
    "/v2//models/churn/infer",
  ]) {
    const response = await fetch(served.url + path, {
      method: "POST",
      body: JSON.stringify(REQUEST),
    });
    expect([path, response.status === 200]).toEqual([path, false]);
  }
  const authorization = "Bearer open-sesame";
  const answer = await post(served, "/v2/models/churn/infer", REQUEST, { authorization });
  expect([answer.status, answer.body.outputs]).toEqual([200, ANSWER]);
  const binary = await fetch(`${served.url}/v2/models/churn/infer`, {
    method: "POST",
    body: JSON.stringify({ ...REQUEST, parameters: { binary_data_output: true } }),
    headers: { authorization, "content-type": "application/json" },
  });
  const bytes = Buffer.from(await binary.arrayBuffer());
  const split = Number(binary.headers.get("inference-header-content-length"));
  expect(bytes.subarray(split, split + 16)).toEqual(floats(0.5, 1.25));
  const wrong = await post(served, "/v2/models/nope/infer", REQUEST, { authorization });
  expect([wrong.status, Object.keys(wrong.body)]).toEqual([404, ["error"]]);
  for (const path of ["/v2", "/v2/health/ready", "/v2/models/churn", "/v2/models/churn/ready"]) {
    expect([path, (await get(served, path)).status]).toEqual([path, 200]);
  }
});

test("requests of the protocol share batches with those of the API's own route", async () => {
  const sizes: number[] = [];
  const counting = churnApi({
    handler: async ({ tenure }: Columns) => {
      const { length } = tenure.values;
      sizes.push(length);
      await new Promise((resolve) => setTimeout(resolve, 30));
      return Array.from({ length }, () => ({ churn: 0, label: "" }));
    },
  });
  await using served = await serve(service([counting], { name: "churn" }));
  sizes.length = 0;
  const own = () =>
    fetch(`${served.url}/v1/churn/predict`, {
      method: "POST",
      body: '[{"tenure":1,"plan":"pro"}]',
      headers: { "content-type": "application/json" },
    });
  const answers = await Promise.all([
    own(),
    ...Array.from({ length: 3 }, () => [
      own(),
      post(served, "/v2/models/churn/infer", REQUEST),
    ]).flat(),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 7 }, () => 200));
  expect(sizes.reduce((sum, size) => sum + size)).toBe(4 + 3 * 2);
  expect(sizes.length).toBeLessThan(7);
});

test("requests are counted under the template of their route", async () => {
  await using served = await serve(churn());
  await post(served, "/v2/models/churn/infer", REQUEST);
  await post(served, "/v2/models/made-up-by-a-client/infer", REQUEST);
  const text = await served.serviceMetrics.text();
  expect(text).toContain("/v2/models/:model/infer");
  expect(text).not.toContain("made-up");
});

test("a service may do without the protocol", async () => {
  await using served = await serve(churn({ protocols: { openInference: false, mlflow: true } }));
  for (const path of ["/v2", "/v2/health/live", "/v2/models/churn"]) {
    expect([path, (await fetch(served.url + path)).status]).toEqual([path, 404]);
  }
});
