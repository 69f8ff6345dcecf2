// Compiled, never run: each line marked @ts-expect-error must be an error, every other must not.
import {
  apiKey,
  bearerAuth,
  cors,
  dataframe,
  dataframeOutput,
  defineInput,
  defineService,
  EkibenError,
  eventStream,
  file,
  form,
  image,
  json,
  model,
  models,
  ndjsonStream,
  onnx,
  reject,
  tensor,
  text,
  textOutput,
  type InputRequest,
  type UploadedFile,
  z,
} from "ekiben";

const Customer = z.object({
  tenure_months: z.number().nullable(),
  plan: z.enum(["basic", "standard", "premium"]),
  monthly_charges: z.number(),
});
const Score = z.object({ churn: z.number().min(0).max(1) });

const base = defineService({ name: "base" })
  .models({ net: onnx("models/churn.onnx") })
  .setup(async () => ({ threshold: 0.5 }));

const churn = base.named("churn").api("predict", {
  route: "v1/churn/predict",
  input: dataframe(Customer),
  output: Score,
  batch: { maxBatchSize: 500, maxLatencyMs: 200 },
  example: [{ tenure_months: 3, plan: "basic", monthly_charges: 70.35 }],
  async handler(df, { models, state, items, reject }) {
    const shape: number[] = df.shape;
    const threshold: number = state.threshold;
    const out = await models.net.run<{ probability: number }>(df);
    const id: string = items[0]!.id;
    reject(0, 422, { id, shape });
    return Array.from({ length: shape[0]! }, (_, i) => ({
      churn: out.probability[i]! > threshold ? 1 : 0,
    }));
  },
});

export async function callsAreTyped(): Promise<void> {
  const answers: { churn: number }[] = await churn.call.predict([
    { tenure_months: null, plan: "basic", monthly_charges: 70.35 },
  ]);
  const first: number = answers[0]!.churn;
  // @ts-expect-error the plan is not one of the plans
  await churn.call.predict([{ tenure_months: 1, plan: "gold", monthly_charges: first }]);
  // @ts-expect-error a table is an array of rows
  await churn.call.predict({ tenure_months: 1, plan: "basic", monthly_charges: 1 });
  // @ts-expect-error a column is missing
  await churn.call.predict([{ tenure_months: 1, plan: "basic" }]);
  // @ts-expect-error there is no such API
  await churn.call.score([]);
  // @ts-expect-error an answer has no such output
  const wrong = answers[0]!.probability;
  void wrong;
}

// One item a request: the handler gets the item and returns its output.
const single = defineService({ name: "single" }).api("area", {
  input: json(z.object({ width: z.number(), height: z.number().default(1) })),
  output: z.number(),
  handler: (shape) => {
    const height: number = shape.height;
    return shape.width * height;
  },
});

export async function oneItemIsOneAnswer(): Promise<number> {
  await single.call.area({ width: 2 });
  // @ts-expect-error one item is not a list
  await single.call.area([{ width: 2 }]);
  const area: number = await single.call.area({ width: 2, height: 3 });
  return area;
}

// With `batch` the same input hands over the items of several requests.
export const batched = defineService({ name: "batched" }).api("area", {
  input: json(z.object({ width: z.number() })),
  output: z.number(),
  batch: {},
  handler: (shapes) => shapes.map((shape) => shape.width * 2),
});

// Columns and typed arrays are outputs too.
export const columns = defineService({ name: "columns" })
  .api("scores", {
    input: dataframe(Customer),
    output: Score,
    handler: (df) => ({ churn: new Float32Array(df.shape[0]!) }),
  })
  .api("numbers", {
    input: dataframe(Customer),
    output: z.number(),
    handler: (df) => new Float64Array(df.shape[0]!),
  });

defineService({ name: "wrong" }).api("predict", {
  input: json(z.object({ width: z.number() })),
  output: z.number(),
  batch: {},
  // @ts-expect-error a batch is answered by one output an item, not by one number
  handler: (shapes) => shapes.length,
});

defineService({ name: "wrong" }).api("predict", {
  input: json(z.object({ width: z.number() })),
  output: z.object({ area: z.number() }),
  // @ts-expect-error the output has another type
  handler: (shape) => ({ area: String(shape.width) }),
});

defineService({ name: "wrong" }).api("predict", {
  input: json(z.object({ width: z.number() })),
  handler(shape, { models }) {
    // @ts-expect-error the item has no such key
    void shape.height;
    // @ts-expect-error the service has no such model
    void models.trees;
    return null;
  },
});

// @ts-expect-error an input is made by an input function
defineService({ name: "wrong" }).api("predict", { input: Customer, handler: () => [] });

// @ts-expect-error a service needs a name
defineService({});

// @ts-expect-error a model is made by a model function
defineService({ name: "wrong" }).models({ net: "models/churn.onnx" });

defineService({ name: "wrong" }).api("predict", {
  input: dataframe(Customer),
  // @ts-expect-error the example must be what a caller may send
  example: [{ tenure_months: 3, plan: "basic" }],
  handler: () => [],
});

// A template's children replace what they inherit, and keep the rest.
const child = churn.named("child").api("predict", {
  input: json(z.object({ id: z.string() })),
  output: z.string(),
  handler: async (item, { models, state }) => {
    await models.net.run({ x: [1] });
    return item.id + String(state.threshold);
  },
});

export async function childrenReplace(): Promise<string> {
  // @ts-expect-error the API takes JSON now
  await child.call.predict([{ tenure_months: 1, plan: "basic", monthly_charges: 1 }]);
  const answer: string = await child.call.predict({ id: "a" });
  return answer;
}

// A form has the types of its parts, optional and repeated ones among them.
const album = defineService({ name: "album" }).api("add", {
  input: form(
    {
      photos: file(),
      meta: json(z.object({ id: z.number(), at: z.date() })),
      note: text(),
      words: text(z.string().transform((words) => words.split(" "))),
      table: dataframe(Customer),
    },
    { optional: ["note", "photos"], repeated: ["photos"] },
  ),
  output: z.string(),
  handler({ photos, meta, note, words, table }) {
    const [first]: UploadedFile[] = photos;
    const size: number = first!.size;
    const at: Date = meta.at;
    const said: string = note ?? "";
    const count: number = words.length + table.shape[0]! + size;
    // @ts-expect-error there is no such part
    const none = (input: { photos: UploadedFile[] }) => input.photo;
    return said + at.toISOString() + String(count) + String(none);
  },
});

export async function formsAreTyped(): Promise<void> {
  const meta = { id: 1, at: new Date() };
  const rest = { meta, words: "a b", table: [] };
  await album.call.add(rest);
  await album.call.add({ ...rest, note: "x", photos: [new Uint8Array(), { b64: "" }] });
  // @ts-expect-error a part is missing
  await album.call.add({ meta, words: "a b" });
  // @ts-expect-error a part has another type
  await album.call.add({ ...rest, note: 1 });
  // @ts-expect-error a repeated part is an array
  await album.call.add({ ...rest, photos: new Uint8Array() });
}

// @ts-expect-error there is no such part
form({ note: text() }, { optional: ["remark"] });

// An input of the author's own has the types of what its functions return.
const own = defineService({ name: "own" })
  .api("one", {
    input: defineInput({
      parse(request) {
        const kind: string | null = request.headers.get("x-kind");
        if (kind === null) return reject(400, { Code: "E400" });
        return { kind, size: request.bytes.length };
      },
    }),
    handler: (item) => item.kind.length + item.size,
  })
  .api("waiting", {
    input: defineInput({ parse: async (request: InputRequest) => request.text() }),
    batch: {},
    handler: (texts) => texts.map((each) => each.toUpperCase()),
  })
  .api("merged", {
    input: defineInput({
      many: true,
      parse: (request) => request.text().split(","),
      merge: (items) => ({ first: items[0]!.length, all: items }),
    }),
    handler: ({ first, all }) => all.map((each) => each.length + first),
  })
  .api("rejecting", {
    input: defineInput({
      many: true,
      parse: (request) =>
        request
          .text()
          .split(",")
          .map((each) => (each === "" ? reject(404) : each)),
    }),
    handler: (items) => items.map((each) => each.toUpperCase()),
  })
  .api("checked", {
    input: defineInput({
      many: true,
      items: Customer,
      parse: (request) => request.json().customers,
      merge: (items) => items.map((item) => item.monthly_charges),
      schema: z.object({ customers: z.array(Customer) }),
    }),
    handler: (charges) => charges.map((charge) => charge.toFixed(2)),
  })
  .api("wrapped", {
    input: defineInput({
      input: dataframe(Customer),
      parse: (request) => request.json(z.object({ rows: z.array(z.unknown()) })).rows,
      onInvalid: (error) => reject(400, { Code: error.code }),
    }),
    batch: {},
    handler: (df) => new Float32Array(df.shape[0]!),
  });

export async function ownInputsAreTyped(): Promise<void> {
  const customer = { tenure_months: 1, plan: "basic" as const, monthly_charges: 1 };
  await own.call.checked({ customers: [customer] });
  // @ts-expect-error it is described otherwise
  await own.call.checked({ customer });
  await own.call.merged("a,b");
  await own.call.wrapped({ rows: [] });
}

defineService({ name: "wrong" }).api("one", {
  input: defineInput({ parse: (request) => request.text() }),
  handler(item) {
    // @ts-expect-error the item is a text
    return item.width;
  },
});

// @ts-expect-error an input of many items makes an array
defineInput({ many: true, parse: (request) => request.text() });

// @ts-expect-error an input needs a function that reads requests
defineInput({ kind: "orders" });

// Tensors: what a handler gets follows from the shape, the element type and `batch`.
export const tensorsAndImages = defineService({ name: "tensors" })
  .api("alone", {
    input: tensor({ shape: [1, 28, 28], dtype: "float32" }),
    output: z.number(),
    handler: (digit) => digit[0]! + digit.dims.length,
  })
  .api("stacked", {
    input: tensor({ shape: [2, 2], dtype: "float64" }),
    output: z.number(),
    batch: {},
    handler: (stack) => stack.column(0),
  })
  .api("listed", {
    input: tensor({ shape: [null, 2], dtype: "int64" }),
    output: z.number(),
    batch: {},
    handler: (tensors) => tensors.map((one) => one.dims[0]! + Number(one[0])),
  })
  .api("many", {
    input: tensor({ shape: [2], dtype: "bool", many: true }),
    output: z.boolean(),
    handler: (rows) => {
      const first: boolean = rows[0]!;
      return Array.from({ length: rows.dims[0]! }, () => first);
    },
  })
  .api("photos", {
    input: image({ size: { width: 8, height: 8 } }),
    output: z.number(),
    batch: {},
    handler: (stack) => stack.column(0),
  })
  .api("pictures", {
    input: image(),
    output: z.number(),
    batch: {},
    handler: (pictures) => pictures.map((picture) => picture.dims[0]!),
  })
  .api("upload", {
    input: image({ raw: true }),
    output: z.string(),
    handler: (file) => `${file.format} ${file.width} ${file.bytes.length}`,
  });

export async function tensorsAreTyped(): Promise<void> {
  const { call } = tensorsAndImages;
  const one: number = await call.stacked([
    [1, 2],
    [3, 4],
  ]);
  const many: boolean[] = await call.many([[true, false]]);
  await call.alone(new Float32Array(784));
  await call.listed([[1n, 2], Array.from({ length: 2 }, () => "3")]);
  await call.photos(new Uint8Array(8));
  await call.upload({ b64: "" });
  // @ts-expect-error lists in a list
  await call.stacked([one, one]);
  // @ts-expect-error no numbers
  await call.many([[1, 0]]);
  // @ts-expect-error not the pixels
  await call.photos([1, 2, 3]);
  // @ts-expect-error there is no such element type
  tensor({ shape: [many.length], dtype: "float" });
}

// Parameters of the path and the query string, and a method without a body.
const shop = defineService({ name: "shop" })
  .setup(() => ({ prices: new Map<string, number>() }))
  .api("price", {
    method: "GET",
    route: "v1/:region/items/:id",
    params: z.object({ region: z.enum(["eu", "us"]), id: z.coerce.number() }),
    query: z.object({ currency: z.string().default("EUR"), limit: z.number().optional() }),
    output: z.object({ price: z.number(), currency: z.string() }),
    exampleParameters: { params: { region: "eu", id: 7 }, query: { currency: "USD" } },
    handler(input, { params, query, state }) {
      const region: "eu" | "us" = params.region;
      const nothing: undefined = input;
      void nothing;
      // @ts-expect-error there is no such parameter
      void params.country;
      const limit: number | undefined = query.limit;
      // @ts-expect-error a currency is text
      const wrong: number = query.currency;
      void [limit, wrong];
      return { price: state.prices.get(`${region}${params.id}`) ?? 0, currency: query.currency };
    },
  })
  .api("open", { route: "v1/open/:name", handler: (_, { params }) => params["name"]! })
  .api("search", {
    query: z.object({ text: z.string() }),
    output: z.array(z.string()),
    handler: (_, { query }) => [query.text],
  })
  .api("post", {
    input: json(z.object({ x: z.number() })),
    query: z.object({ by: z.number() }),
    output: z.number(),
    handler: ({ x }, { query }) => x * query.by,
  });

export async function callsTakeParameters(): Promise<void> {
  const { price } = await shop.call.price({ params: { region: "eu", id: 7 } });
  const sum: number = price;
  await shop.call.price({
    params: { region: "us", id: 1 },
    query: { limit: sum },
    headers: { a: "b" },
  });
  await shop.call.open();
  await shop.call.open({ params: { name: "x" } });
  const found: string[] = await shop.call.search({ query: { text: "a" } });
  const posted: number = await shop.call.post({ x: 1 }, { query: { by: 2 } });
  void [found, posted];
  // @ts-expect-error the parameters of the path are missing
  await shop.call.price();
  // @ts-expect-error the region is not one of the regions
  await shop.call.price({ params: { region: "asia", id: 7 } });
  // @ts-expect-error a parameter of the path is missing
  await shop.call.price({ params: { region: "eu" } });
  // @ts-expect-error the query string is missing
  await shop.call.search();
  // @ts-expect-error the text is missing in the query string
  await shop.call.search({ query: {} });
  // @ts-expect-error the limit is a number
  await shop.call.price({ params: { region: "eu", id: 7 }, query: { limit: "7" } });
  // @ts-expect-error an API without input takes no body
  await shop.call.search({ x: 1 }, { query: { text: "a" } });
  // @ts-expect-error the query string is missing beside the body
  await shop.call.post({ x: 1 });
  // @ts-expect-error there is no such option of a call
  await shop.call.post({ x: 1 }, { query: { by: 2 }, header: {} });
}

// With `batch` each request has parameters of its own.
export const batchedParameters = defineService({ name: "shop" }).api("area", {
  input: json(z.object({ width: z.number() })),
  query: z.object({ by: z.number() }),
  output: z.number(),
  batch: {},
  handler(shapes, { items, query }) {
    // @ts-expect-error the batch as a whole has no query string
    void query.by;
    return shapes.map(({ width }, i) => width * items[i]!.query.by);
  },
});

// Generators answer with streams, whose calls have all that came.
const Token = z.object({ token: z.string() });
const streaming = defineService({ name: "streaming" })
  .api("events", {
    input: json(z.object({ prompt: z.string() })),
    output: eventStream(Token),
    async *handler({ prompt }) {
      yield { token: prompt };
    },
  })
  .api("lines", {
    query: z.object({ to: z.number() }),
    output: ndjsonStream(z.number()),
    *handler(_, { query }) {
      for (let n = 0; n < query.to; n++) yield n;
    },
  });

export async function streamsAreCollected(): Promise<void> {
  const tokens: { token: string }[] = await streaming.call.events({ prompt: "a" });
  const numbers: number[] = await streaming.call.lines({ query: { to: 2 } });
  void [tokens, numbers];
  // @ts-expect-error a stream is a list of what came
  const one: { token: string } = await streaming.call.events({ prompt: "a" });
  void one;
}

defineService({ name: "wrong" }).api("events", {
  output: eventStream(Token),
  // @ts-expect-error each value is a token
  async *handler() {
    yield { text: "a" };
  },
});

defineService({ name: "wrong" }).api("events", {
  output: eventStream(Token),
  // @ts-expect-error a stream is made by a generator
  handler: () => ({ token: "a" }),
});

// Outputs of other kinds.
export const kinds = defineService({ name: "kinds" })
  .api("text", { output: textOutput(), handler: () => "plain" })
  .api("table", {
    input: json(z.object({ rows: z.number() })),
    output: dataframeOutput(Score),
    handler: ({ rows }) => Array.from({ length: rows }, () => ({ churn: 0.5 })),
  });

export async function outputsAreRead(): Promise<void> {
  const text: string = await kinds.call.text();
  const table: { churn: number }[] = await kinds.call.table({ rows: 2 });
  void [text, table];
}

defineService({ name: "wrong" }).api("table", {
  output: dataframeOutput(Score),
  // @ts-expect-error a row has another key
  handler: () => [{ score: 1 }],
});

defineService({ name: "wrong" }).api("text", {
  output: textOutput(),
  // @ts-expect-error a text is no number
  handler: () => 5,
});

// @ts-expect-error there is no such method
defineService({ name: "wrong" }).api("put", { method: "PUT", handler: () => 1 });

// @ts-expect-error an output is made by an output function or a schema
defineService({ name: "wrong" }).api("text", { output: "text", handler: () => 1 });

// @ts-expect-error the query string is described by a schema
defineService({ name: "wrong" }).api("text", { query: { text: "string" }, handler: () => 1 });

// Middlewares and hooks of a template; its children see models, state and each other's types.
const guarded = base
  .use(cors({ origins: ["https://app.example"] }))
  .use(apiKey({ env: "KEYS" }))
  .use(bearerAuth({ tokens: async (token) => token.length > 3 }))
  .before((argument: unknown, { state, items }) => {
    const threshold: number = state.threshold;
    return items.length > threshold ? argument : undefined;
  })
  .after((outputs: unknown[], { models }) => {
    void models.net;
    return outputs;
  })
  .onError((error, { api, id, headers }) => {
    const tenant: string | null = headers.get("x-tenant");
    if (error instanceof EkibenError && error.code === "UNAUTHENTICATED") {
      return reject(200, { api, id, tenant });
    }
    return undefined;
  });

export const first = guarded.named("first").api("f", {
  input: json(z.object({ x: z.number() })),
  output: z.number(),
  handler: ({ x }, { state }) => {
    if (x > state.threshold) throw reject(422, { errorCode: 7 });
    return x;
  },
});

export const second = guarded
  .setup(() => ({ threshold: "high", more: 1 }))
  .api("f", {
    output: z.string(),
    handler: (_, { state }) => {
      const more: number = state.more;
      // @ts-expect-error the threshold of this child is text
      void (state.threshold * more);
      return state.threshold;
    },
  });

guarded.before((_, { state }) => {
  // @ts-expect-error the state has no such key
  void state.limit;
});

// @ts-expect-error an error is answered by reject()
guarded.onError(() => ({ status: 200 }));

// @ts-expect-error a key comes from a variable or is given
apiKey({ env: 5 });

// @ts-expect-error origins are named
cors({});

// @ts-expect-error a middleware is a function
guarded.use({ env: "KEYS" });

const stored = defineService({ name: "stored" })
  .models({
    any: models.get("churn-trees:latest"),
    trees: models.get("churn-trees@production", { kind: "xgboost", model: { iterations: 3 } }),
    net: models.get("churn-net", { kind: "onnx" }),
    forest: models.get("forest", {
      fromJSON: (json) => ({ size: Number(json) }),
      predict: (forest, rows: number[][]) => rows.map((row) => row.length * forest.size),
    }),
    index: models.get("index", {
      load: async (folder) => new Map([[folder, 1]]),
      predict: (index, key: string) => index.get(key),
    }),
  })
  .api("predict", {
    input: json(z.array(z.number())),
    async handler(row, { models }) {
      const any: ArrayLike<number> = await models.any.predict([row]);
      const margin: ArrayLike<number> = await models.trees.margin([row]);
      const out = await models.net.run([row]);
      const sizes: number[] = await models.forest.predict([row]);
      const found: number | undefined = await models.index.predict("a");
      // @ts-expect-error the kind is not known, and so is no method but predict
      models.any.margin([row]);
      // @ts-expect-error the forest takes rows
      void models.forest.predict("a");
      return [any[0], margin[0], sizes[0], found, Object.keys(out).length];
    },
  });

export async function storedModelsAreTyped(): Promise<void> {
  const kept = await models.save("a", model({ value: 1, fromJSON: Number, predict: (x) => x }));
  const tag: string = (await models.tag(kept.tag, { labels: { old: null }, aliases: ["best"] }))
    .tag;
  // @ts-expect-error a kind that there is not
  void models.import("a.json", { name: tag, kind: "pickle" });
  for (const one of await models.list()) {
    if ("damaged" in one) void one.damaged.length;
    else void one.metrics["auc"];
  }
  void stored;
}
