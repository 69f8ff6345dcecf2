import { readdirSync } from "node:fs";
import {
  bytesOutput,
  dataframe,
  dataframeOutput,
  defineInput,
  defineService,
  eventStream,
  file,
  form,
  frameOf,
  image,
  imageOutput,
  json,
  ndjsonStream,
  reject,
  tensor,
  tensorOutput,
  text,
  textOutput,
  z,
} from "ekiben";

/** JSON.stringify has an end, and what a schema leaves open may be nested deeper than that. */
function cut(value, depth = 100) {
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (depth === 0) return null;
  if (Array.isArray(value)) return value.map((one) => cut(one, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, cut(one, depth - 1)]));
}

// Every handler answers with what it was given, so that an answer shows whose it is. None of them
// fails for an input that was let in: whatever is answered with 500 is a finding.

const maxBodyBytes = 1024 * 1024;
const batch = { maxBatchSize: 64, maxLatencyMs: 20_000 };

const Row = z.object({
  id: z.number(),
  name: z.string().nullable(),
  flag: z.boolean().optional(),
  plan: z.enum(["basic", "pro"]),
  at: z.date().nullish(),
  big: z.bigint().optional(),
  tags: z.array(z.string()).optional(),
});
const Named = z.object({ id: z.number(), name: z.string().nullable() });
const Numbers = z.object({ id: z.number(), a: z.number(), b: z.number().nullable() });
const Sum = z.object({ id: z.number(), sum: z.number() });
const Item = z.object({
  id: z.number(),
  text: z.string().optional(),
  list: z.array(z.union([z.number(), z.string(), z.null()])).optional(),
  map: z.record(z.string(), z.unknown()).optional(),
  shape: z
    .discriminatedUnion("kind", [
      z.object({ kind: z.literal("circle"), radius: z.number().min(0) }),
      z.object({ kind: z.literal("box"), sides: z.tuple([z.number(), z.number()]) }),
    ])
    .optional(),
  at: z.date().optional(),
  big: z.bigint().optional(),
  tree: z.json().optional(),
});
const Meta = z.object({ id: z.number(), note: z.string().default("none") });

const table = {
  maxBodyBytes,
  input: dataframe(Row),
  output: Named,
  handler(df) {
    const frame = frameOf(df);
    return { id: frame.column("id").values, name: frame.column("name").values };
  },
};
const predict = {
  maxBodyBytes,
  input: dataframe(Numbers),
  output: dataframeOutput(Sum, { orient: "split" }),
  handler: (df) =>
    frameOf(df)
      .toRecords()
      .map(({ id, a, b }) => ({ id, sum: a + (b ?? 0) })),
};
const loose = {
  maxBodyBytes,
  input: dataframe(z.looseObject({ id: z.number() })),
  handler: (df) => cut(frameOf(df).toRecords()),
};
const object = { maxBodyBytes, input: json(Item), output: Item };
const floats = {
  maxBodyBytes,
  input: tensor({ shape: [2, 3], dtype: "float32" }),
  output: tensorOutput({ shape: [2, 3], dtype: "float32" }),
};
const longs = {
  maxBodyBytes,
  input: tensor({ shape: [2], dtype: "int64", many: true, name: "longs" }),
  output: tensorOutput({ shape: [2], dtype: "int64" }),
  handler: (items) => items,
};
const strings = {
  maxBodyBytes,
  input: tensor({ shape: [null], dtype: "string" }),
  output: tensorOutput({ shape: [null], dtype: "string" }),
};
const pixels = {
  maxBodyBytes,
  input: image({ size: { width: 4, height: 4 }, maxPixels: 4_000_000 }),
  output: tensorOutput({ shape: [4, 4, 3], dtype: "uint8" }),
};
const words = { maxBodyBytes, input: text(), output: textOutput() };
const upload = file({ maxMemoryBytes: 1000 });
const whole = {
  maxBodyBytes,
  input: form(
    { doc: upload, meta: json(Meta), note: text(), photo: image({ maxPixels: 1_000_000 }) },
    { optional: ["note", "photo"] },
  ),
  output: z.object({ id: z.number(), note: z.string(), size: z.number(), sha256: z.string() }),
};
const describeForm = async ({ doc, meta, note }) => ({
  id: meta.id,
  note: note ?? "",
  size: (await doc.bytes()).length,
  sha256: await doc.sha256(),
});
const fields = {
  maxBodyBytes,
  input: form({ a: text(), b: json(z.array(z.number())) }, { repeated: ["a"] }),
};
const own = {
  maxBodyBytes,
  input: defineInput({
    parse: (request) => request.json(z.object({ id: z.number(), rest: z.unknown() })),
    onInvalid: (error) => reject(400, { Code: "E400", Msg: error.facts.detail }),
  }),
};
const listed = {
  maxBodyBytes,
  input: defineInput({
    many: true,
    items: z.object({ id: z.number() }),
    parse: (request) =>
      request
        .json(z.object({ items: z.array(z.unknown()) }))
        .items.map((item) => (item === null ? reject(200, { skipped: true }) : item)),
  }),
  handler: (items) => items,
};
const wrapped = {
  maxBodyBytes,
  input: defineInput({
    input: dataframe(Named),
    parse: (request) => request.json(z.object({ rows: z.array(z.unknown()) })).rows,
  }),
  handler: table.handler,
};

const service = defineService({ name: "fuzz" })
  .api("table", { route: "v1/table", ...table })
  .api("tableBatched", { route: "v1/table/batched", ...table, batch })
  .api("single", { route: "v1/predict/single", ...predict })
  .api("predict", { route: "v1/predict", ...predict, batch })
  .api("loose", { route: "v1/loose", ...loose })
  .api("looseBatched", { route: "v1/loose/batched", ...loose, batch })
  .api("object", { route: "v1/object", ...object, handler: (item) => cut(item) })
  .api("objectBatched", {
    route: "v1/object/batched",
    ...object,
    batch,
    handler: (all) => cut(all),
  })
  .api("floats", { route: "v1/floats", ...floats, handler: (item) => item })
  .api("floatsBatched", { route: "v1/floats/batched", ...floats, batch, handler: (all) => all })
  .api("longs", { route: "v1/longs", ...longs })
  .api("longsBatched", { route: "v1/longs/batched", ...longs, batch })
  .api("strings", { route: "v1/strings", ...strings, handler: (item) => item })
  .api("stringsBatched", { route: "v1/strings/batched", ...strings, batch, handler: (all) => all })
  .api("pixels", { route: "v1/pixels", ...pixels, handler: (item) => item })
  .api("pixelsBatched", { route: "v1/pixels/batched", ...pixels, batch, handler: (all) => all })
  .api("picture", {
    route: "v1/picture",
    maxBodyBytes,
    input: image({ raw: true, maxPixels: 4_000_000, formats: ["png", "jpeg", "webp"] }),
    output: imageOutput(),
    handler: ({ bytes }) => bytes,
  })
  .api("words", { route: "v1/words", ...words, handler: (item) => item })
  .api("wordsBatched", { route: "v1/words/batched", ...words, batch, handler: (all) => all })
  .api("file", {
    route: "v1/file",
    maxBodyBytes,
    input: upload,
    output: bytesOutput("application/octet-stream"),
    handler: (sent) => sent.bytes(),
  })
  .api("fileBatched", {
    route: "v1/file/batched",
    maxBodyBytes,
    input: upload,
    output: z.object({ size: z.number(), sha256: z.string() }),
    batch,
    handler: (all) =>
      Promise.all(all.map(async (sent) => ({ size: sent.size, sha256: await sent.sha256() }))),
  })
  .api("form", { route: "v1/form", ...whole, handler: describeForm })
  .api("formBatched", {
    route: "v1/form/batched",
    ...whole,
    batch,
    handler: (all) => Promise.all(all.map(describeForm)),
  })
  .api("fields", { route: "v1/fields", ...fields, handler: (item) => item })
  .api("fieldsBatched", { route: "v1/fields/batched", ...fields, batch, handler: (all) => all })
  .api("own", { route: "v1/own", ...own, handler: (item) => cut(item) })
  .api("ownBatched", { route: "v1/own/batched", ...own, batch, handler: (all) => cut(all) })
  .api("listed", { route: "v1/listed", ...listed })
  .api("listedBatched", { route: "v1/listed/batched", ...listed, batch })
  .api("wrapped", { route: "v1/wrapped", ...wrapped })
  .api("wrappedBatched", { route: "v1/wrapped/batched", ...wrapped, batch })
  .api("lookup", {
    route: "v1/lookup/:id",
    query: z.object({
      n: z.number().optional(),
      flag: z.boolean().optional(),
      at: z.date().optional(),
      big: z.bigint().optional(),
      tag: z.array(z.string()).optional(),
    }),
    handler: (_nothing, { params, query }) => ({ id: params.id, query }),
  })
  .api("lookupBatched", {
    route: "v1/lookup/:id/batched",
    batch,
    handler: (_nothing, { items }) => items.map(({ params, query }) => ({ id: params.id, query })),
  })
  .api("events", {
    route: "v1/events",
    maxBodyBytes,
    input: json(z.object({ id: z.number(), count: z.number().int().min(0).max(20) })),
    output: eventStream(z.object({ id: z.number(), at: z.number() })),
    async *handler({ id, count }) {
      for (let at = 0; at < count; at++) yield { id, at };
    },
  })
  .api("lines", {
    route: "v1/lines",
    maxBodyBytes,
    input: json(z.object({ id: z.number(), count: z.number().int().min(0).max(20) })),
    output: ndjsonStream(z.object({ id: z.number(), at: z.number() })),
    async *handler({ id, count }) {
      for (let at = 0; at < count; at++) {
        if (at % 8 === 7) await new Promise((resolve) => setTimeout(resolve, 1));
        yield { id, at };
      }
    },
  })
  .api("inside", {
    route: "v1/inside",
    // What only the process itself knows; with --expose-gc the memory is what is really held.
    async handler() {
      for (let round = 0; round < 3; round++) {
        globalThis.gc?.();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const resources = {};
      for (const kind of process.getActiveResourcesInfo()) {
        resources[kind] = (resources[kind] ?? 0) + 1;
      }
      const { heapUsed, external, rss } = process.memoryUsage();
      return {
        polluted: findPollution(),
        heapBytes: heapUsed + external,
        rssBytes: rss,
        resources,
        descriptors: countDescriptors(),
      };
    },
  });

export default service;

/** What every object would inherit, if a request had got at a prototype. */
function findPollution() {
  const found = [];
  for (const value of [{}, [], findPollution, Object("")]) {
    for (const name in value) if (!Object.hasOwn(value, name)) found.push(name);
  }
  if ({}.polluted !== undefined) found.push("polluted");
  return found;
}

function countDescriptors() {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}
