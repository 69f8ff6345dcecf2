import { afterAll, beforeAll, expect, test } from "vitest";
import { createNotebookSession, type NotebookSession } from "../notebook/notebook-session.js";
import { openWire, problemOf, send, toText, type Answer } from "./traffic.js";

let session: NotebookSession;
let url: string;
beforeAll(async () => {
  session = await createNotebookSession();
  await session.run(
    `import { defineService, dataframe, json, z } from "ekiben";`,
    `const s = defineService({ name: "s" })
  .api("double", {
    input: dataframe(z.object({ x: z.number(), label: z.string() })),
    batch: {},
    maxBodyBytes: 10_000,
    handler(df) {
      const xs = df["x"].values as number[];
      if (xs.includes(-1)) throw new RangeError("minus one");
      return xs.map((x) => x * 2);
    },
  })
  .api("later", {
    input: json(z.object({ fault: z.string() })),
    handler({ fault }) {
      if (fault === "rejection") void Promise.reject(new Error("nobody waits for this"));
      if (fault === "timer") setTimeout(() => { throw new Error("thrown by a timer"); }, 1);
      if (fault === "text") throw "only text";
      return { fault };
    },
  });`,
    `const server = await s.startDevServer({ port: 0 });`,
  );
  url = await session.evaluate<string>("server.url");
});
afterAll(() => session[Symbol.asyncDispose]());

const double = (body: string, headers?: Record<string, string>) =>
  send(`${url}/double`, body, headers === undefined ? {} : { headers });

/** The kernel runs cells, and its server answers requests from without and within. */
async function expectAlive(): Promise<void> {
  const rows = [
    { x: 1, label: "a" },
    { x: 2, label: "b" },
  ];
  expect(await double(JSON.stringify(rows))).toMatchObject({ status: 200, body: "[2,4]" });
  expect(await session.evaluate(`await s.call.double(${JSON.stringify(rows)})`)).toEqual([2, 4]);
}

test.each<[string, () => Promise<Answer>, object]>([
  ["malformed JSON", () => double("[{"), { status: 400, code: "BODY_MALFORMED" }],
  [
    "another content type",
    () => double("x", { "content-type": "application/xml" }),
    { status: 415, code: "MEDIA_TYPE_UNSUPPORTED" },
  ],
  [
    "text in a column of numbers",
    () => double('[{"x":1,"label":"a"},{"x":"2","label":"b"}]'),
    { status: 422, code: "INPUT_INVALID", issues: [{ row: 1, column: "x" }] },
  ],
  [
    "a handler that throws",
    () => double('[{"x":-1,"label":"a"}]'),
    { status: 500, code: "HANDLER_FAILED", detail: expect.stringContaining("minus one") },
  ],
  [
    "a handler that throws text",
    () => send(`${url}/later`, '{"fault":"text"}'),
    { status: 500, code: "HANDLER_FAILED", detail: expect.stringContaining("only text") },
  ],
  [
    "a body over the limit",
    () => double(" ".repeat(5_000_000)),
    { status: 413, code: "BODY_TOO_LARGE", expected: 10_000, received: 5_000_000 },
  ],
  [
    "an unknown route",
    () => send(`${url}/nowhere`, "{}"),
    { status: 404, code: "ROUTE_NOT_FOUND" },
  ],
])("the kernel and its server go on after %s", async (_what, ask, problem) => {
  const answers = await Promise.all(Array.from({ length: 10 }, ask));
  for (const answer of answers) expect(problemOf(answer)).toMatchObject(problem);
  await expectAlive();
});

test("a row that makes the handler throw costs those who share its batch nothing", async () => {
  const bodies = Array.from({ length: 40 }, (_, x) => (x % 10 === 3 ? -1 : x));
  const answers = await Promise.all(bodies.map((x) => double(JSON.stringify([{ x, label: "a" }]))));
  answers.forEach(({ status, body }, at) => {
    if (bodies[at] === -1) expect(status).toBe(500);
    else expect({ status, body }).toEqual({ status: 200, body: `[${bodies[at]! * 2}]` });
  });
});

test.each(["rejection", "timer"])(
  "the kernel and its server go on after a %s that nobody catches",
  async (fault) => {
    const answer = await send(`${url}/later`, JSON.stringify({ fault }));
    expect(answer).toMatchObject({ status: 200, body: JSON.stringify({ fault }) });
    await expectAlive();
  },
);

test("the kernel and its server go on after clients that hang up and send no HTTP", async () => {
  const wires = await Promise.all(Array.from({ length: 20 }, () => openWire(url)));
  wires.forEach(({ socket }, at) => {
    socket.write(at % 2 === 0 ? toText("/double", "[]").slice(0, -1) : "nonsense\r\n\r\n");
  });
  expect(problemOf((await wires[1]!.answers(1))[0])).toMatchObject({ code: "HTTP_MALFORMED" });
  for (const { socket } of wires) socket.destroy();
  await expectAlive();
});
