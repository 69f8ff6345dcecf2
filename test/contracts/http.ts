import { Agent, request as httpRequest } from "node:http";
import { inspect } from "node:util";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import type { EncodedBody, Payload, RequestBody } from "../../sdk/inputs/input.js";
import { parseMediaType } from "../../sdk/inputs/media-type.js";
import type { App } from "../../sdk/server/app-server.js";
import { listen as listenInProduction } from "../../sdk/server/listen.js";
import type { Context } from "../../sdk/service/context.js";
import type { ServiceDefinition } from "../../sdk/service/definition.js";
import { api, build, listen, service } from "../http/serving.js";
import type { InputCase } from "./input.js";

/** An input and what to try it with over HTTP. */
export interface HttpInputCase extends InputCase {
  /** An item as text, the same for the same item. @default its inspection */
  print?(item: unknown): string | Promise<string>;
}

/** The ways that a request takes to its API. */
type Way = "straight from the socket" | "through Hono" | "behind a middleware";
const WAYS: readonly Way[] = ["straight from the socket", "through Hono", "behind a middleware"];

interface Answer {
  status: number;
  body: any;
}

interface Sent {
  bytes: Uint8Array;
  headers: Record<string, string>;
}

interface Server extends AsyncDisposable {
  readonly url: string;
}

/** Milliseconds that a handler waits, so that requests which come meanwhile share the next batch. */
const BATCH_MS = 4;

/** What holds for every input behind a server. `create` is called once for each way. */
export function describeInputOverHttp(name: string, create: () => HttpInputCase): void {
  describe.each(WAYS)(`the input ${name}, %s`, (way) => {
    const the = create();
    const { input, itemsOf, print = printItem } = the;
    const agent = new Agent({ keepAlive: true, maxSockets: 64 });
    /** How many items each call of the batched handler got. */
    const calls: number[] = [];
    let server: Server;
    const sent = the.samples.map((sample) => toSent(input.encode(sample)));
    /** What each sample is answered with alone, as this process finds it. */
    let expected: unknown[];
    /** Which samples have no items for a handler. */
    const isEmpty: boolean[] = [];

    beforeAll(async () => {
      const common = { input, output: undefined, example: undefined };
      const one = input.cardinality === "one";
      const alone = api({
        ...common,
        name: "alone",
        route: "v1/alone",
        handler: async (argument: never) =>
          one ? await print(argument) : await printAll(itemsOf(argument)),
      });
      const batched = api({
        ...common,
        name: "batched",
        route: "v1/batched",
        batch: {
          maxBatchSize: 1000,
          maxLatencyMs: 20_000,
          maxQueueItems: 10_000,
          maxQueueBytes: 2 ** 28,
          concurrency: 1,
        },
        async handler(argument: never, context: Context) {
          const items = itemsOf(argument);
          calls.push(items.length);
          for (const [at, { headers, id }] of context.items.entries()) {
            if (headers.get("x-reject") !== null) context.reject(at, 409, { refused: id });
          }
          await new Promise((resolve) => setTimeout(resolve, BATCH_MS));
          return await printAll(items);
        },
      });
      server = await serve(service([alone, batched]), way);
      expected = await Promise.all(
        the.samples.map(async (sample, at) => {
          const encoded = input.encode(sample);
          const payload = await read(the, {
            bytes: encoded.bytes,
            ...parseMediaType(encoded.mediaType),
            headers: new Headers(encoded.headers),
          });
          isEmpty[at] = payload.items === 0;
          const argument: unknown = input.toArgument(payload);
          const items = one ? [argument] : itemsOf(argument);
          const printed = await printAll(items);
          await payload.release?.();
          return toBody(payload, printed, one);
        }),
      );
    });
    afterAll(async () => {
      agent.destroy();
      await server[Symbol.asyncDispose]();
    });

    const printAll = (items: readonly unknown[]): Promise<string[]> =>
      Promise.all(items.map((item) => print(item)));
    const ask = (path: "alone" | "batched", what: Sent): Promise<Answer> =>
      send(`${server.url}/v1/${path}`, what, agent);
    const right = (at: number): Answer => ({ status: 200, body: expected[at] });
    const anySamples = (most: number) =>
      fc.array(fc.nat({ max: sent.length - 1 }), { minLength: 1, maxLength: most });

    test("answers each sample as in process, alone and batched", async () => {
      for (const [at, what] of sent.entries()) {
        expect(await ask("alone", what)).toEqual(right(at));
        expect(await ask("batched", what)).toEqual(right(at));
      }
    });

    test("answers any requests sent at once as it answers each alone", async () => {
      calls.length = 0;
      const most = 24;
      await fc.assert(
        fc.asyncProperty(anySamples(most), async (chosen) => {
          const answers = await Promise.all(chosen.map((at) => ask("batched", sent[at]!)));
          expect(answers).toEqual(chosen.map(right));
        }),
        { numRuns: 8 },
      );
      const largest = Math.max(...the.samples.map((_, at) => countOf(expected[at], input)));
      // Otherwise nothing was shared, and nothing shown.
      expect(Math.max(...calls)).toBeGreaterThan(largest);
    });

    test("answers those of a batch that are rejected, and the others as if they were alone", async () => {
      await fc.assert(
        fc.asyncProperty(anySamples(16), async (chosen) => {
          const answers = await Promise.all(
            chosen.map((at, place) => {
              const { bytes, headers } = sent[at]!;
              if (place % 2 === 0) return ask("batched", sent[at]!);
              const refused = { ...headers, "x-reject": "1", "x-request-id": `r-${place}` };
              return ask("batched", { bytes, headers: refused });
            }),
          );
          expect(answers).toEqual(
            chosen.map((at, place) => {
              // What has no items is answered without the handler.
              if (place % 2 === 0 || isEmpty[at]!) return right(at);
              return { status: 409, body: { refused: `r-${place}` } };
            }),
          );
        }),
        { numRuns: 5 },
      );
    });

    test("answers broken bodies with the code that they have in process", async () => {
      for (const body of the.broken) {
        const { code, status } = await refusal(the, body);
        for (const path of ["alone", "batched"] as const) {
          const answer = await ask(path, toBroken(body));
          expect(answer).toMatchObject({ status, body: { code } });
        }
      }
    });

    test("answers the good requests beside broken ones", async () => {
      const codes = await Promise.all(the.broken.map((body) => refusal(the, body)));
      await fc.assert(
        fc.asyncProperty(anySamples(10), fc.nat(), async (chosen, from) => {
          const answers = chosen.map((at, place) => {
            const k = (from + place) % the.broken.length;
            return Promise.all([
              ask("batched", sent[at]!),
              ask("batched", toBroken(the.broken[k]!)).then((answer) => {
                expect(answer).toMatchObject({ body: { code: codes[k]!.code } });
              }),
            ]);
          });
          const good = (await Promise.all(answers)).map(([answer]) => answer);
          expect(good).toEqual(chosen.map(right));
        }),
        { numRuns: 4 },
      );
    });

    test("answers those who stay when others hang up", async () => {
      await fc.assert(
        fc.asyncProperty(anySamples(8), fc.nat({ max: 6 }), async (chosen, afterMs) => {
          const staying = chosen.map((at) => ask("batched", sent[at]!));
          const leaving = chosen.map((at) => leave(`${server.url}/v1/batched`, sent[at]!, afterMs));
          expect(await Promise.all(staying)).toEqual(chosen.map(right));
          await Promise.all(leaving);
        }),
        { numRuns: 5 },
      );
      expect(await ask("batched", sent[0]!)).toEqual(right(0));
    });
  });
}

function printItem(item: unknown): string {
  return inspect(item, { depth: 20, maxArrayLength: 1000, maxStringLength: 10_000 });
}

/** The answer to a request of its own: items that the input answers itself are in their places. */
function toBody(payload: Payload, printed: readonly string[], one: boolean): unknown {
  if (one) return printed[0];
  const left = [...printed];
  const count = printed.length + (payload.rejected?.size ?? 0);
  return Array.from({ length: count }, (_, at) => {
    const rejected = payload.rejected?.get(at);
    return rejected === undefined ? left.shift() : rejected.body;
  });
}

function countOf(body: unknown, { cardinality }: { cardinality: string }): number {
  return cardinality === "one" ? 1 : (body as unknown[]).length;
}

function toSent({ bytes, mediaType, headers = {} }: EncodedBody): Sent {
  return { bytes, headers: { "content-type": mediaType, ...headers } };
}

function toBroken({ bytes, mediaType, parameters, headers }: RequestBody): Sent {
  const quoted = Object.entries(parameters).map(([name, value]) => `; ${name}="${value}"`);
  const sent: Record<string, string> = {};
  if (headers instanceof Headers) for (const [name, value] of headers) sent[name] = value;
  if (mediaType !== "") sent["content-type"] = `${mediaType}${quoted.join("")}`;
  return { bytes, headers: sent };
}

/** What a broken body is refused with in process. */
async function refusal(the: HttpInputCase, body: RequestBody): Promise<EkibenError> {
  try {
    await read(the, body);
  } catch (error) {
    expect(error).toBeInstanceOf(EkibenError);
    return error as EkibenError;
  }
  throw new Error("a broken body was taken");
}

async function read({ input }: HttpInputCase, body: RequestBody): Promise<Payload> {
  const { bytes, ...head } = body;
  if (input.parseStream === undefined) return await input.parse(body);
  return await input.parseStream({
    ...head,
    chunks: (async function* () {
      yield bytes;
    })(),
  });
}

async function serve(definition: ServiceDefinition, way: Way): Promise<Server> {
  if (way === "behind a middleware") {
    const guarded = { ...definition, middleware: [(_c: unknown, next: () => unknown) => next()] };
    return await listen((await build(guarded as ServiceDefinition)).app);
  }
  const { app } = await build(definition);
  if (way === "through Hono") return await listen(app);
  const listening = await listenInProduction(app as App, { port: 0 });
  return {
    url: listening.address,
    async [Symbol.asyncDispose]() {
      await listening.close({ drainMs: 1000, lingerMs: 0 });
    },
  };
}

function send(url: string, { bytes, headers }: Sent, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      url,
      { method: "POST", agent, headers: { ...headers, "content-length": bytes.length } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          resolve({ status: response.statusCode!, body: JSON.parse(text) as unknown });
        });
        response.on("error", reject);
      },
    );
    sent.on("error", reject);
    sent.end(bytes);
  });
}

/** Sends a request, on every other call without the end of its body, and goes. */
async function leave(url: string, { bytes, headers }: Sent, afterMs: number): Promise<void> {
  const sent = httpRequest(url, {
    method: "POST",
    agent: false,
    headers: { ...headers, "content-length": bytes.length },
  });
  sent.on("error", () => {});
  const closed = new Promise<void>((resolve) => sent.once("close", () => resolve()));
  if (afterMs % 2 === 0) sent.end(bytes);
  else sent.write(bytes.subarray(0, Math.floor(bytes.length / 2)));
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  sent.destroy();
  await closed;
}
