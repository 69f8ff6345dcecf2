import { createServer } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { createNotebookSession } from "./notebook-session.js";

const IMPORT = `import { defineService, json, dataframe, z } from "ekiben";`;
const ITEM = `const Item = z.object({ x: z.number() });`;

function serviceOf(factor: number, more = ""): string {
  return `const s = defineService({ name: "s" }).api("f", {
  input: json(Item),
  output: z.number(),
  ${more}
  handler: ({ x }) => x * ${factor},
});`;
}

async function post(url: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

async function refuses(url: string): Promise<boolean> {
  return await fetch(url).then(
    () => false,
    () => true,
  );
}

describe("the dev server of a notebook", () => {
  it("answers once startDevServer resolves, and shows a card with links", async () => {
    await using session = await createNotebookSession();
    await session.run(IMPORT, ITEM, serviceOf(2));
    const started = await session.kernel.execute(
      "const server = await s.startDevServer({ port: 0 });",
    );
    expect(started.status).toBe("ok");
    const url = await session.evaluate<string>("server.url");
    expect(await post(`${url}/f`, { x: 4 })).toEqual({ status: 200, body: 8 });
    const card = started.outputs.find((output) => output.output_type === "display_data");
    const html = String((card as { data: Record<string, unknown> }).data["text/html"]);
    expect(html).toContain(`href="${url}/"`);
    expect(html).toContain("POST /f");
  });

  it("changes the service on the same port when its cells run again", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      serviceOf(2),
      "let server = await s.startDevServer({ port: 0 });",
    );
    const port = await session.evaluate<number>("server.port");
    const url = `http://127.0.0.1:${port}/f`;
    // A client that keeps its connection must also get the new definition.
    expect((await post(url, { x: 1 })).body).toBe(2);
    for (const factor of [3, 4, 5]) {
      await session.run(serviceOf(factor), `server = await s.startDevServer({ port: ${port} });`);
      expect(await session.evaluate("server.port")).toBe(port);
      expect((await post(url, { x: 1 })).body).toBe(factor);
    }
  });

  it("calls the definition of now, also while the server has the one before", async () => {
    await using session = await createNotebookSession();
    await session.run(IMPORT, ITEM, serviceOf(2), "await s.startDevServer({ port: 0 });");
    expect(await session.evaluate("await s.call.f({ x: 1 })")).toBe(2);
    await session.run(serviceOf(9));
    expect(await session.evaluate("await s.call.f({ x: 1 })")).toBe(9);
  });

  it("keeps the old service when the new one cannot start", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      serviceOf(2),
      "const server = await s.startDevServer({ port: 0 });",
    );
    const url = await session.evaluate<string>("server.url");
    await session.run(`const broken = s.setup(() => { throw new Error("no database"); });`);
    expect(await session.fail("await broken.startDevServer({ port: 0 });")).toContain(
      "no database",
    );
    expect((await post(`${url}/f`, { x: 1 })).body).toBe(2);
  });

  it("stops as often as asked, and frees the port", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      serviceOf(2),
      "const server = await s.startDevServer({ port: 0 });",
    );
    const url = await session.evaluate<string>("server.url");
    await session.run(
      "await s.stopDevServer();",
      "await s.stopDevServer();",
      "await server.stop();",
    );
    expect(await refuses(url)).toBe(true);
    const port = Number(new URL(url).port);
    await session.run(`await s.startDevServer({ port: ${port} });`);
    expect((await post(`${url}/f`, { x: 1 })).body).toBe(2);
  });

  it("answers what it has accepted before it stops", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      `const s = defineService({ name: "s" }).api("slow", {
  input: json(Item),
  handler: ({ x }) => new Promise<number>((resolve) => setTimeout(resolve, 300, x)),
});`,
      "const server = await s.startDevServer({ port: 0 });",
    );
    const url = await session.evaluate<string>("server.url");
    const answer = post(`${url}/slow`, { x: 5 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await session.run("await s.stopDevServer();");
    expect(await answer).toEqual({ status: 200, body: 5 });
    expect(await refuses(url)).toBe(true);
  });

  it("leaves nothing behind when the kernel ends", async () => {
    const session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      serviceOf(2),
      "const server = await s.startDevServer({ port: 0 });",
    );
    const url = await session.evaluate<string>("server.url");
    const { pid } = session.kernel;
    await session[Symbol.asyncDispose]();
    expect(await refuses(url)).toBe(true);
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });

  it("says who has the port when it is taken, and goes on", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    try {
      await using session = await createNotebookSession();
      await session.run(IMPORT, ITEM, serviceOf(2));
      const text = await session.fail(`await s.startDevServer({ port: ${port} });`);
      expect(text).toContain("PORT_IN_USE");
      expect(text).toContain(String(port));
      await session.run("const server = await s.startDevServer({ port: 0 });");
      const held = await session.evaluate<number>("server.port");
      await session.run(`const t = s.named("t");`);
      const ours = await session.fail(`await t.startDevServer({ port: ${held} });`);
      expect(ours).toMatch(/already serves "s"/);
      expect((await post(`http://127.0.0.1:${held}/f`, { x: 1 })).body).toBe(2);
    } finally {
      other.close();
    }
  });

  it("shows a handler's error at the line of the cell it came from", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      `interface Unused { a: number }

function check(x: number): number {
  if (x < 0) throw new RangeError("x is negative");
  return x;
}`,
      `const s = defineService({ name: "s" }).api("f", {
  input: json(Item),
  handler: ({ x }) => check(x),
});`,
    );
    for (const server of ["", "await s.startDevServer({ port: 0 });"]) {
      if (server !== "") await session.run(server);
      const text = await session.fail("await s.call.f({ x: -1 });");
      expect(text).toContain("RangeError: x is negative");
      expect(text).toMatch(/check \(cell \[3\]:4:/);
      expect(text).not.toMatch(/node_modules|dist\/sdk/);
    }
  });

  it("shows at the first call that a handler cannot take a batch", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      `const s = defineService({ name: "s" }).api("f", {
  input: json(Item),
  batch: {},
  handler: (items) => [items[0].x],
});`,
    );
    const text = await session.fail("await s.call.f({ x: 1 });");
    expect(text).toContain("OUTPUT_COUNT_MISMATCH");
    expect(text).toContain("returned 1 output for 2 items");
  });

  it("lists the findings of a bad request once, each on a line", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      `const Row = z.object({ age: z.number(), plan: z.string() });
const s = defineService({ name: "f" }).api("f", {
  input: dataframe(Row),
  handler: (df) => Array(df.shape[0]).fill(1),
});`,
    );
    const text = await session.fail(`await s.call.f([{ age: "x", plan: 1 }] as never);`);
    expect(text.match(/INPUT_INVALID/g)).toHaveLength(1);
    expect(text).toMatch(/\n  row 0, age: .*\n  row 0, plan: /);
    expect(text).not.toMatch(/facts|\[Object\]/);
  });

  it("names the row and the column of bad input", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      `const Row = z.object({ age: z.number(), plan: z.string() });`,
      `const s = defineService({ name: "s" }).api("f", {
  input: dataframe(Row),
  handler: (df) => df.shape[0] === 0 ? [] : Array(df.shape[0]).fill(1),
});`,
    );
    const text = await session.fail(
      `await s.call.f([{ age: 1, plan: "a" }, { age: "old" as never, plan: "b" }]);`,
    );
    expect(text).toContain("INPUT_INVALID");
    expect(text).toMatch(/row 1/);
    expect(text).toContain("age");
  });
});
