import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import {
  bytesOutput,
  dataframe,
  dataframeOutput,
  defineInput,
  defineService,
  eventStream,
  file,
  form,
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

const Customer = z.object({
  tenure_months: z.number().min(0).nullable(),
  plan: z.enum(["basic", "standard", "premium"]),
  joined: z.date().optional(),
});

/** A red dot, 8 by 8 pixels. */
const DOT = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAMAAADz0U65AAAABlBMVEXIRz/79uxIjD3hAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAGUlEQVQI12NghAIGIAICEIMBDPAz4IqhAAAEyAAhPGzxxQAAAABJRU5ErkJggg==",
  "base64",
);

/** One `name = value` a line: what `defineInput` is for. */
const settings = defineInput({
  kind: "settings",
  mediaTypes: ["text/x-settings"],
  example: "threshold = 0.5\nlabel = dog",
  parse(request) {
    const lines = request.text().split("\n");
    const pairs = lines.filter((line) => line.trim() !== "").map((line) => line.split("="));
    const odd = pairs.findIndex((pair) => pair.length !== 2);
    if (odd !== -1) throw reject(400, { error: `Line ${odd + 1} is not name = value.` });
    return Object.fromEntries(pairs.map(([name, value]) => [name!.trim(), value!.trim()]));
  },
  encode: (lines: string) => lines,
});

const months = ["2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06"];

/** One API for each kind of input and output, so that the page can be tried with all of them. */
export default defineService({
  name: "every-input",
  description: "One API for each kind of input and output.",
})
  .api("predict", {
    route: "v1/churn/predict",
    summary: "A table in, one output a row",
    input: dataframe(Customer),
    output: z.object({ churn: z.number().min(0).max(1), plan: z.string() }),
    batch: { maxBatchSize: 500, maxLatencyMs: 1000 },
    example: [
      { tenure_months: 3, plan: "basic", joined: new Date("2026-01-31") },
      { tenure_months: 48, plan: "premium" },
    ],
    handler(df) {
      const tenures = df["tenure_months"]!.values as (number | null)[];
      const plans = df["plan"]!.values as string[];
      return tenures.map((months, row) => ({
        churn: Math.round(1000 / (1 + (months ?? 0) / 12)) / 1000,
        plan: plans[row]!,
      }));
    },
  })
  .api("distance", {
    route: "v1/distance",
    summary: "JSON in, JSON out",
    input: json(z.object({ from: z.tuple([z.number(), z.number()]), to: z.array(z.number()) })),
    output: z.object({ distance: z.number() }),
    example: { from: [0, 0], to: [3, 4] },
    handler: ({ from, to }) => ({ distance: Math.hypot(...from.map((x, i) => x - to[i]!)) }),
  })
  .api("parity", {
    route: "v1/parity",
    summary: "No example: the page makes one from the schema",
    input: json(
      z.object({
        number: z.int().min(7),
        base: z.enum(["ten", "two"]),
        at: z.iso.datetime(),
        note: z.string().max(3).optional(),
      }),
    ),
    output: z.object({ even: z.boolean() }),
    handler: ({ number }) => ({ even: number % 2 === 0 }),
  })
  .api("softmax", {
    route: "v1/softmax",
    summary: "A tensor in, a tensor out",
    input: tensor({ shape: [3], dtype: "float32" }),
    output: tensorOutput({ shape: [3], dtype: "float32" }),
    batch: { maxBatchSize: 64 },
    example: [0, 1, 2],
    handler(stack) {
      return Array.from({ length: stack.dims[0]! }, (_, item) => {
        const powers = Array.from(stack.row(item), Math.exp);
        const sum = powers.reduce((total, power) => total + power, 0);
        return powers.map((power) => power / sum);
      });
    },
  })
  .api("negative", {
    route: "v1/negative",
    summary: "An image in, an image out",
    input: image(),
    output: imageOutput({ format: "png" }),
    example: DOT,
    handler: (pixels) => ({ dims: pixels.dims, data: pixels.map((level) => 255 - level) }),
  })
  .api("capitals", {
    route: "v1/capitals",
    summary: "Text in, text out",
    input: text(z.string().min(1)),
    output: textOutput(),
    example: "ekiben, the meal at the station",
    handler: (words) => words.toUpperCase(),
  })
  .api("pack", {
    route: "v1/pack",
    summary: "A file in, bytes out",
    input: file({ maxBytes: 5_000_000 }),
    output: bytesOutput("application/gzip"),
    example: { bytes: Buffer.from("a file\n"), name: "note.txt" },
    handler: async (sent) => gzipSync(await sent.bytes()),
  })
  .api("caption", {
    route: "v1/caption",
    summary: "A form of an image, JSON and text",
    input: form(
      {
        photo: image({ raw: true }),
        options: json(z.object({ language: z.enum(["en", "ja"]), words: z.int().min(1) })),
        note: text(),
      },
      { optional: ["note"] },
    ),
    output: z.object({ caption: z.string(), sha256: z.string() }),
    example: { photo: DOT, options: { language: "en", words: 5 }, note: "taken today" },
    handler({ photo, options, note }) {
      const { width, height, bytes } = photo;
      const sentence = `a picture of ${width} by ${height} pixels`;
      return {
        caption: `${sentence.split(" ").slice(0, options.words).join(" ")}: ${note ?? "no note"}`,
        sha256: createHash("sha256").update(bytes).digest("hex"),
      };
    },
  })
  .api("forecast", {
    method: "GET",
    route: "v1/shops/:shop/forecast",
    summary: "No body: parameters in, a table out",
    params: z.object({ shop: z.string().min(2).describe("The name of a shop") }),
    query: z.object({ months: z.int().min(1).max(6).default(3), unit: z.enum(["eur", "yen"]) }),
    output: dataframeOutput(z.object({ month: z.string(), sales: z.number() }), {
      orient: "split",
    }),
    exampleParameters: { params: { shop: "tokyo" }, query: { months: 2, unit: "yen" } },
    handler(_, { params, query }) {
      const rate = query.unit === "yen" ? 160 : 1;
      return months
        .slice(0, query.months)
        .map((month, at) => ({ month, sales: (params.shop.length + at) * rate }));
    },
  })
  .api("countdown", {
    method: "GET",
    route: "v1/countdown",
    summary: "A stream of events",
    query: z.object({ from: z.int().min(1).max(100) }),
    output: eventStream(z.object({ left: z.int() })),
    exampleParameters: { query: { from: 3 } },
    async *handler(_, { query, items }) {
      for (let left = query.from; left > 0; left--) {
        yield { left };
        await sleep(10, undefined, { signal: items[0]!.signal });
      }
    },
  })
  .api("spell", {
    route: "v1/spell",
    summary: "Text in, a stream of lines out",
    input: text(),
    output: ndjsonStream(z.object({ letter: z.string() })),
    example: "bento",
    async *handler(word) {
      for (const letter of word) yield { letter };
    },
  })
  .api("configure", {
    route: "v1/configure",
    summary: "An input of the author's own",
    input: settings,
    output: z.record(z.string(), z.string()),
    handler: (read) => read,
  });
