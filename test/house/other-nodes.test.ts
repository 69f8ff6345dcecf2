import { execFileSync } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { makeHome, post, type CliHome } from "../cli/run-cli.js";
import { readLogs } from "../observability/log-folder.js";

/**
 * The versions of Node.js beside the one that runs the tests: what differs between them is what a
 * service meets that this package did not write, so each one builds, serves and saves once.
 */
const NODES = (process.env["EKIBEN_NODES"] ?? "").split(delimiter).filter((path) => path !== "");
const NEEDS = "EKIBEN_NODES has the paths of binaries of Node.js";
const isMissing = NODES.length === 0 && process.env["CI"] === undefined;

/** What the models of a bundle rest on: native code on the loop and in a thread, floats of 16 bits. */
const SERVICE = `
import { z, defineService, eventStream, json, onnx } from "ekiben";

export default defineService({ name: "smoke" })
  .models({
    half: onnx("half.onnx", { execution: "loop" }),
    thread: onnx("half.onnx", { execution: "worker" }),
  })
  .api("half", {
    input: json(z.array(z.number())), batch: { maxLatencyMs: 1000 }, example: [1, 0.5, -2],
    async handler(rows, { models }) {
      const [half, thread] = await Promise.all([
        models.half.predict({ x: rows }),
        models.thread.predict({ x: rows }),
      ]);
      const row = (all, i) => [all[2 * i], all[2 * i + 1]];
      return rows.map((_, i) => ({ half: row(half, i), thread: row(thread, i) }));
    },
  })
  .api("count", {
    input: json(z.number()), output: eventStream(z.number()),
    async *handler(n) { for (let i = 0; i < n; i += 1) yield i; },
  });
`;

const CELLS = [
  `import { z, defineService, json, model } from "ekiben";`,
  `const weights = Float64Array.from([1, 2, 3]);`,
  `const dot = defineService({ name: "dot" }).api("dot", {
     input: json(z.array(z.number())),
     handler: (x: number[]) => x.reduce((sum, one, i) => sum + one * weights[i]!, 0),
   });`,
  `await dot.call.dot([1, 1, 1])`,
  `await dot.save()`,
];

describe.skipIf(isMissing)(`other versions of Node.js (${NEEDS})`, () => {
  it("are there", () => expect(NODES).not.toEqual([]));

  describe.each(NODES.map((path) => [versionOf(path), resolve(path)]))("%s", (_, node) => {
    it("builds, serves with two workers, reloads and drains without a warning", async () => {
      await using home = await makeHome(node);
      const env = withNode(node);
      await mkdir(join(home.path, "smoke"));
      const file = join(home.path, "smoke/service.ts");
      await writeFile(file, SERVICE);
      await cp("test/fixtures/onnx-made/half.onnx", join(home.path, "smoke/half.onnx"));
      const built = await home.run(["build", file], { env });
      expect(built.code, built.stderr).toBe(0);
      expect(built.stderr).toContain("answers 1 sample as before");
      expect(withoutWarnings(built.stderr)).toBe(built.stderr);

      const logs = join(home.path, "logs");
      const flags = ["--port", "0", "--workers", "2", "--log-dir", logs];
      const server = await home.serve(["smoke:latest", ...flags], { env });
      const { url } = server;
      const rows = [1, 0.5, -2];
      const wanted = [expect.closeTo(3.285, 2), expect.closeTo(-0.266, 2)];
      const ask = (): Promise<unknown> => post(`${url}/half`, rows);
      expect(await ask()).toMatchObject({ status: 200, body: { half: wanted, thread: wanted } });
      const stream = await fetch(`${url}/count`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "3",
      });
      expect((await stream.text()).match(/^data: \d$/gm)).toHaveLength(3);
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics).toMatch(/^ekiben_requests_total\{.*endpoint="\/half".*\} 1$/m);
      expect(await (await fetch(`${url}/metadata`)).json()).toMatchObject({
        runtime: { node: versionOf(node) },
      });

      // While it reloads, somebody is always answered.
      const asked = Array.from({ length: 20 }, ask);
      expect(await home.run(["reload"], { env })).toMatchObject({ code: 0 });
      for (const answer of await Promise.all(asked)) expect(answer).toMatchObject({ status: 200 });
      expect(await ask()).toMatchObject({ status: 200 });
      expect(await server.stop()).toBe(0);
      expect(withoutWarnings(server.output())).toBe(server.output());
      // A thread writes them, over the ends of the workers.
      for (const stream of ["access", "prediction"] as const) {
        const lines = (await readLogs(logs, stream)).map((line) => JSON.parse(line));
        const statuses = lines.map((line) => line["http.response.status_code"]);
        expect(statuses).toEqual(Array.from({ length: 23 }, () => 200));
      }
    });

    it("saves a service from a notebook, and serves it", async () => {
      await using home = await makeHome(node);
      const env = withNode(node);
      const file = await writeNotebook(home);
      const run = await home.run(["notebook", "run", file], { cwd: resolve("."), env });
      expect(run.code, run.stderr + run.stdout).toBe(0);
      expect(run.stdout).toMatch(/^6$/m);
      expect(run.stdout).toContain("1 recorded call answered alike");
      expect(withoutWarnings(run.stdout + run.stderr)).toBe(run.stdout + run.stderr);
      const server = await home.serve(["dot:latest", "--port", "0"], { env });
      expect(await post(`${server.url}/dot`, [1, 0, 2])).toMatchObject({ status: 200, body: 7 });
      expect(await server.stop()).toBe(0);
    });
  });
});

function versionOf(node: string): string {
  return execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
}

/** Programs that are started by name get it too. */
function withNode(node: string): Record<string, string> {
  return { PATH: [dirname(node), process.env["PATH"]].join(delimiter) };
}

/** Node says what it deprecates, and what it calls an experiment, on standard error. */
function withoutWarnings(text: string): string {
  return text.replaceAll(/^.*Warning.*$/gm, "");
}

async function writeNotebook(home: CliHome): Promise<string> {
  const notebook = JSON.parse(await readFile("notebooks/01-quickstart.ipynb", "utf8")) as {
    cells: unknown;
  };
  notebook.cells = CELLS.map((source, i) => ({
    cell_type: "code",
    id: `cell-${i}`,
    metadata: {},
    outputs: [],
    execution_count: null,
    source,
  }));
  const file = join(home.path, "smoke.ipynb");
  await writeFile(file, JSON.stringify(notebook));
  return file;
}
