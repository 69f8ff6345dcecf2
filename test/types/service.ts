// Compiled, never run: each line marked @ts-expect-error must be an error, every other must not.
import {
  dataframe,
  defineInput,
  defineService,
  file,
  form,
  image,
  json,
  onnx,
  reject,
  tensor,
  text,
  z,
  type InputRequest,
  type UploadedFile,
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
