import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { file } from "../../sdk/inputs/file.js";
import { form } from "../../sdk/inputs/form.js";
import { image } from "../../sdk/inputs/image.js";
import { json } from "../../sdk/inputs/json.js";
import { tensor } from "../../sdk/inputs/tensor.js";
import { text } from "../../sdk/inputs/text.js";
import { createTensorArray } from "../../sdk/tensor/tensor-array.js";
import { bytesOutput } from "../../sdk/outputs/bytes-output.js";
import { dataframeOutput } from "../../sdk/outputs/dataframe-output.js";
import { eventStream } from "../../sdk/outputs/event-stream.js";
import { imageOutput } from "../../sdk/outputs/image-output.js";
import { ndjsonStream } from "../../sdk/outputs/ndjson-stream.js";
import { tensorOutput } from "../../sdk/outputs/tensor-output.js";
import { textOutput } from "../../sdk/outputs/text-output.js";
import { defineService, serve, z } from "./serving.js";

const Row = z.object({ age: z.number().nullable(), plan: z.enum(["basic", "pro"]) });
const rows: z.input<typeof Row>[] = [
  { age: 31, plan: "pro" },
  { age: null, plan: "basic" },
];

const service = defineService({ name: "kinds" })
  .api("add", {
    input: json(z.object({ x: z.number(), y: z.number().default(1) })),
    output: z.object({ sum: z.number() }),
    handler: ({ x, y }) => ({ sum: x + y }),
  })
  .api("score", {
    input: dataframe(Row),
    output: z.object({ score: z.number() }),
    batch: {},
    handler: (df) => ({
      score: Float64Array.from(df["age"].values as number[], (age) => age || -1),
    }),
  })
  .api("status", {
    output: z.object({ version: z.string(), region: z.string() }),
    route: "v1/status/:region",
    query: z.object({ version: z.string().default("none") }),
    handler: (_, { params, query }) => ({ version: query.version, region: params["region"]! }),
  })
  .api("shout", { input: text(), output: textOutput(), handler: (said) => said.toUpperCase() });

test("JSON, tables, text, and calls without a body", async () => {
  await using served = await serve(service);
  const { client, requests } = served;
  expect(await client.add({ x: 2 })).toEqual({ sum: 3 });
  expect(await client.score(rows)).toEqual([{ score: 31 }, { score: -1 }]);
  expect(
    await client.status({ params: { region: "eu/west 1" }, query: { version: "a b" } }),
  ).toEqual({
    version: "a b",
    region: "eu/west 1",
  });
  expect(await client.shout("naïve\r\n\n")).toBe("NAÏVE\r\n\n");
  expect(requests).toEqual([
    "GET /metadata",
    "POST /add",
    "POST /score",
    "GET /v1/status/eu%2Fwest%201?version=a+b",
    "POST /shout",
  ]);
});
void [
  describe,
  readFileSync,
  file,
  form,
  image,
  tensor,
  createTensorArray,
  bytesOutput,
  dataframeOutput,
  eventStream,
  imageOutput,
  ndjsonStream,
  tensorOutput,
];
