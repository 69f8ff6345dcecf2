// Compiled, never run: each line marked @ts-expect-error must be an error, every other must not.
import {
  dataframe,
  defineService,
  eventStream,
  file,
  form,
  image,
  json,
  tensor,
  tensorOutput,
  text,
  z,
} from "ekiben";
import {
  ClientError,
  createClient,
  loadContract,
  type Client,
  type ClientErrorCode,
  type ServiceContract,
} from "ekiben/client";

const Customer = z.object({
  tenure: z.number().nullable(),
  plan: z.enum(["basic", "premium"]),
});

const service = defineService({ name: "typed" })
  .api("predict", {
    input: dataframe(Customer),
    output: z.object({ churn: z.number() }),
    handler: () => [],
  })
  .api("area", {
    input: json(z.object({ width: z.number(), height: z.number().default(1) })),
    output: z.number(),
    handler: ({ width, height }) => width * height,
  })
  .api("region", {
    input: text(),
    route: "v1/:region",
    params: z.object({ region: z.enum(["eu", "us"]) }),
    query: z.object({ top: z.number().default(3) }),
    output: z.string(),
    handler: (said, { params }) => said + params.region,
  })
  .api("status", { output: z.object({ up: z.boolean() }), handler: () => ({ up: true }) })
  .api("any", { input: json(z.any()), handler: (value) => value as unknown })
  .api("digit", {
    input: tensor({ shape: [28, 28], dtype: "float32" }),
    output: tensorOutput({ shape: [10], dtype: "float32" }),
    handler: () => new Float32Array(10),
  })
  .api("photo", { input: image(), output: z.string(), handler: () => "cat" })
  .api("claim", {
    input: form({ note: text(), photo: file(), pages: file() }, { repeated: ["pages"] }),
    output: z.string(),
    handler: ({ note }) => note,
  })
  .api("chat", {
    input: json(z.object({ prompt: z.string() })),
    output: eventStream(z.object({ token: z.string() })),
    async *handler({ prompt }) {
      yield { token: prompt };
    },
  });

const client = createClient<typeof service>("http://127.0.0.1:5000", {
  timeoutMs: 1000,
  retries: 1,
  headers: () => ({ authorization: "Bearer x" }),
});

export async function callsAreTyped(): Promise<void> {
  const answers: { churn: number }[] = await client.predict([{ tenure: null, plan: "basic" }]);
  const first: number = answers[0]!.churn;
  // @ts-expect-error the plan is not one of the plans
  await client.predict([{ tenure: 1, plan: "gold" }]);
  // @ts-expect-error a column is missing
  await client.predict([{ tenure: first }]);
  // @ts-expect-error there is no such column
  await client.predict([{ tenure: 1, plan: "basic", colour: "red" }]);
  // @ts-expect-error a table is an array of rows
  await client.predict({ tenure: 1, plan: "basic" });
  // @ts-expect-error there is no such API
  await client.score([]);
  // @ts-expect-error an answer has no such output
  void answers[0]!.probability;

  const area: number = await client.area({ width: 2 }, { timeoutMs: 50, idempotent: true });
  // @ts-expect-error a width is a number
  await client.area({ width: "2" });
  // @ts-expect-error there is no such option
  await client.area({ width: area }, { timeout: 50 });
  // @ts-expect-error the input is missing
  await client.area();
  // @ts-expect-error another media type may hold anything
  const text: number = await client.area({ width: 2 }, { accept: "text/csv" });
  const other: unknown = await client.area({ width: 2 }, { accept: "text/csv" });
  void [text, other];
}

export async function parametersAreTyped(signal: AbortSignal): Promise<void> {
  const said: string = await client.region("a", { params: { region: "eu" }, query: { top: 1 } });
  await client.region(said, { params: { region: "us" }, signal });
  // @ts-expect-error there is no such region
  await client.region("a", { params: { region: "mars" } });
  // @ts-expect-error the region is missing
  await client.region("a", { query: { top: 1 } });
  // @ts-expect-error the parameters are missing
  await client.region("a");
  // @ts-expect-error a text is a string
  await client.region(1, { params: { region: "eu" } });

  const { up }: { up: boolean } = await client.status();
  await client.status({ headers: { "x-request-id": String(up) } });
  // @ts-expect-error an API without input takes none
  await client.status({ width: 1 });
  const anything: unknown = await client.any({ whatever: [1] });
  void anything;
}

export async function filesMayBeBlobs(blob: Blob, bytes: ArrayBuffer): Promise<void> {
  const kind: string = await client.photo(blob);
  await client.photo(bytes);
  await client.photo(new Uint8Array(1));
  await client.photo({ b64: kind });
  // @ts-expect-error a number is no image
  await client.photo(1);
  const note: string = await client.claim({
    note: "n",
    photo: blob,
    pages: [blob, new Uint8Array(1), bytes],
  });
  await client.claim({ note, photo: { bytes: new Uint8Array(1), name: "a.png" }, pages: [] });
  // @ts-expect-error a part is missing
  await client.claim({ note, photo: blob });
  // @ts-expect-error a note is text
  await client.claim({ note: blob, photo: blob, pages: [] });
  // @ts-expect-error pages are a list
  await client.claim({ note, photo: blob, pages: blob });
  await client.digit(new Float32Array(784));
  await client.digit([[1, 2]]);
  // @ts-expect-error a tensor is no text
  await client.digit("1");
}

export async function streamsAreTyped(): Promise<string> {
  let all = "";
  for await (const { token } of client.chat({ prompt: "hello" })) all += token;
  const opened = await client.chat({ prompt: "hello" }, { timeoutMs: 10 });
  for await (const value of opened) {
    const token: string = value.token;
    // @ts-expect-error a value has no such key
    void value.word;
    all += token;
  }
  // @ts-expect-error a prompt is text
  client.chat({ prompt: 1 });
  return all;
}

export async function errorsAreTyped(error: unknown): Promise<ClientErrorCode | undefined> {
  const contract: ServiceContract = await loadContract("http://127.0.0.1:5000");
  const typed: Client<typeof service> = createClient<typeof service>("http://127.0.0.1:5000", {
    contract,
  });
  void typed.area;
  // Without a type every name is an API.
  const untyped: unknown = await createClient("http://127.0.0.1:5000")["whatever"]!(1, 2);
  void untyped;
  return error instanceof ClientError ? error.code : undefined;
}
