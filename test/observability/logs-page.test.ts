import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { z } from "zod";
import { DROP_REASONS, DropTally } from "../../sdk/observability/lines/line-sink.js";
import { json } from "../../sdk/inputs/json.js";
import { file } from "../../sdk/inputs/file.js";
import { eventStream } from "../../sdk/outputs/event-stream.js";
import { bytesOutput } from "../../sdk/outputs/bytes-output.js";
import { serveLogging } from "../http/request-log-serving.js";
import { api, send, service } from "../http/serving.js";

/** The rows of the table of fields. */
async function readPage(): Promise<Map<string, string[]>> {
  const text = await readFile(new URL("../../sdk/observability/logs.md", import.meta.url), "utf8");
  const rows = text.matchAll(/^\| `([@\w.<>]+)` \| ((?:access|prediction|feedback)[\w, ]*) \|/gm);
  return new Map(Array.from(rows, ([, name, streams]) => [name!, streams!.split(", ").sort()]));
}

test("the table of fields has exactly the fields of real lines, by stream", async () => {
  const model = {
    kind: "net",
    files: async () => [],
    load: async () => ({
      predict: async (x: number) => x,
      describe: () => ({ kind: "net" }),
      release() {},
    }),
  };
  const apis = [
    api({
      route: "v1/:region/add",
      example: undefined,
      handler: async ({ x }: any, { models }: any) => ({ sum: await models.net.predict(x) }),
    } as never),
    api({
      name: "bytes",
      route: "bytes",
      input: json(z.object({ x: z.number() })) as never,
      output: bytesOutput("image/png") as never,
      example: undefined,
      handler: (() => new Uint8Array([255, 0, 255])) as never,
    }),
    api({
      name: "upload",
      route: "upload",
      input: file() as never,
      output: z.object({ y: z.number() }),
      example: undefined,
      handler: (() => ({ y: 1 })) as never,
    }),
    api({
      name: "breaks",
      route: "breaks",
      input: json(z.object({})) as never,
      output: eventStream(z.number()) as never,
      example: undefined,
      handler: async function* () {
        yield 1;
        throw new Error("asked to break");
      } as never,
    }),
  ];
  const definition = service(apis, { models: { net: model as never } });
  await using served = await serveLogging(definition, {
    headers: ["x-tenant"],
    redact: ["ssn"],
  });
  const headers = { "x-tenant": "a", "user-agent": "me" };
  await send(`${served.url}/v1/east/add?a=b`, { headers, body: '{"x":1,"y":2,"ssn":3}' });
  await send(`${served.url}/bytes`, { headers, body: '{"x":1}' });
  const binary = { "content-type": "image/png" };
  await send(`${served.url}/v1/east/add`, { headers: binary, body: Buffer.from([255, 254]) });
  await send(`${served.url}/upload`, { headers: binary, body: Buffer.from([255, 254]) });
  const broken = { "x-request-id": "broken" };
  await send(`${served.url}/breaks`, { headers: broken, body: "{}" });
  // Its access line is written after its last chunk.
  await served.line("access", "broken");
  await send(`${served.url}/feedback`, { body: '{"requestId":"r","ssn":1}' });
  const large = `{"x":1,"y":2,"filling":"${"x".repeat(300_000)}"}`;
  await send(`${served.url}/v1/east/add`, { body: large });

  const found = new Map<string, Set<string>>();
  for (const stream of ["access", "prediction", "feedback"]) {
    for (const line of served.lines(stream)) {
      for (const name of Object.keys(line)) {
        const known = name.replace(/^(http\.request\.headers\.).*/, "$1<name>");
        found.set(known, (found.get(known) ?? new Set()).add(stream));
      }
    }
  }
  const page = await readPage();
  const real = Array.from(found, ([name, streams]) => [name, [...streams].sort()] as const);
  // The change of an output needs one that is too large; it is printed by the code of the input.
  const expected = [...real, ["ekiben.output.change", ["prediction"]] as const];
  expect(Object.fromEntries(page)).toEqual(Object.fromEntries(expected));
});

test("the reasons for lost lines are those that are counted", async () => {
  const text = await readFile(new URL("../../sdk/observability/logs.md", import.meta.url), "utf8");
  const rows = text.split("| reason | |")[1]!.split("\n\n")[0]!;
  const told = Array.from(rows.matchAll(/`([\w-]+)`/g), ([, reason]) => reason!);
  expect(told.filter((reason) => reason.includes("-") || reason === "closed").sort()).toEqual(
    [...DROP_REASONS].sort(),
  );
  const tally = new DropTally();
  tally.add("access", "closed");
  expect(tally.list()).toEqual([{ stream: "access", reason: "closed", count: 1 }]);
});
