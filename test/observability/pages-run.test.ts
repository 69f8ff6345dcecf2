import { execFile, execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { createDefineService } from "../../sdk/service/define-service.js";
import type { ServiceFaces } from "../../sdk/service/faces.js";
import { makeHome, type CliHome } from "../cli/run-cli.js";
import { build, listen, send } from "../http/serving.js";
import { readLogs } from "./log-folder.js";
import { startReceiver } from "./traces/otlp-receiver.js";

/** The blocks of a page in a language, without the fences. */
async function readBlocks(page: string, language: string): Promise<string[]> {
  const text = await readFile(`sdk/observability/${page}`, "utf8");
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm"));
  return Array.from(blocks, ([, block]) => block!);
}

const find = (blocks: readonly string[], part: string): string =>
  blocks.find((block) => block.includes(part)) ?? expect.fail(`no block with ${part}`);

/** The arguments of the commands of a block; what goes to a file is read from the output instead. */
const readCommands = (block: string): string[][] =>
  Array.from(block.matchAll(/^(?:\$ )?npx ekiben ([^>\n]*)/gm), ([, args]) =>
    args!.trim().split(" "),
  );

describe("metrics.md", () => {
  test("shows a handler whose metrics are there as it says", async () => {
    const handler = find(await readBlocks("metrics.md", "ts"), "async handler").replace(
      /^ *…$/m,
      "return df['plan'].values.map((plan) => plan.length);",
    );
    const shown = (new Function(`return { ${handler} }`) as () => object)();
    const defineService = createDefineService({} as ServiceFaces);
    const { definition } = defineService({ name: "shown" }).api("plans", {
      input: dataframe(z.object({ plan: z.string() })),
      ...(shown as { handler: () => number[] }),
    });
    const { app } = await build(definition);
    await using server = await listen(app);
    const body = JSON.stringify([{ plan: "basic" }, { plan: "premium" }, { plan: "basic" }]);
    expect((await send(`${server.url}/plans`, { body })).body).toBe("[5,7,5]");
    const metrics = (await send(`${server.url}/metrics`, { method: "GET" })).body;
    expect(metrics).toMatch(/^churn_rows_total\{plan="basic",service="shown"\} 2$/m);
    expect(metrics).toMatch(/^churn_rows_total\{plan="premium",service="shown"\} 1$/m);
    expect(metrics).toMatch(/^churn_probability_bucket\{le="0.1",service="shown"\} 0$/m);
    expect(metrics).toMatch(/^churn_probability_bucket\{le="0.5",service="shown"\} 1$/m);
    expect(metrics).toMatch(/^churn_threshold\{service="shown"\} 0.5$/m);
  });

  test("shows a command with its output, and the file that it writes", async () => {
    await using home = await makeHome();
    const block = find(await readBlocks("metrics.md", "console"), "metrics dashboard");
    const { code, stdout } = await home.run(readCommands(block)[0]!);
    expect(code).toBe(0);
    expect(`${stdout.replaceAll("\\", "/")}`).toBe(block.slice(block.indexOf("\n") + 1));
    const yaml = find(await readBlocks("metrics.md", "yaml"), "scrape_configs");
    const written = await readFile(join(home.path, "monitoring/prometheus.yaml"), "utf8");
    expect(parse(written)).toEqual(parse(yaml));
  });
});

describe("logs.md and traces.md", () => {
  const ID = "f3f5c1de-7f0c-4b3e-9f43-2a86a4ad2a1b";
  let home: CliHome;
  let folder: string;
  let tag: string;
  let shells: string[];
  /** The arguments of the commands with a word, for the folder and bundle of the test. */
  const commandsWith = (word: string): string[][] =>
    readCommands(find(shells, word)).map((args) =>
      args.map((one) => one.replace("/var/log/ekiben", folder).replace("churn:candidate", tag)),
    );

  beforeAll(async () => {
    home = await makeHome();
    folder = join(home.path, "logs");
    await mkdir(folder);
    shells = [...(await readBlocks("logs.md", "sh")), ...(await readBlocks("traces.md", "sh"))];
    const blocks = await readBlocks("logs.md", "ts");
    const api = `{
      input: json(z.object({ x: z.number() })),
      output: z.object({ churn: z.boolean() }),
      handler: ({ x }) => ({ churn: x > 0 }),
    }`;
    await writeFile(
      join(home.services, "churn.ts"),
      `import { appendFileSync } from "node:fs";
      import { defineService, json, z } from "ekiben";
      const producer = {
        send: async (sent: object) => appendFileSync(process.env["SENT"]!, JSON.stringify(sent) + "\\n"),
      };
      ${find(blocks, ".feedback(").replace("const churn", "const base").replace("{ /* … */ }", api)}
      ${find(blocks, ".onRecord(")}
      export default churn;`,
    );
    tag = await home.build("churn.ts");
  });
  afterAll(() => home[Symbol.asyncDispose]());

  test("show commands that serve, take feedback, read, ship and replay the lines", async () => {
    const sent = join(home.path, "sent.ndjson");
    const [, ...serve] = commandsWith("--log-dir")[0]!;
    const server = await home.serve([...serve, "--port", "0"], { env: { SENT: sent } });
    for (const [id, x] of [
      [ID, 1],
      ["second", -1],
    ] as const) {
      const headers = { "x-request-id": id };
      const { status } = await send(`${server.url}/predict`, { headers, body: `{"x":${x}}` });
      expect(status).toBe(200);
    }
    const curl = find(shells, "curl").replace("http://127.0.0.1:3000", server.url);
    if (has("curl")) {
      const { stdout } = await runShell(curl, home.path);
      expect(JSON.parse(stdout)).toEqual({ status: "accepted", requestId: ID });
    } else {
      const body = /-d '([^']*)'/.exec(curl)![1]!;
      expect((await send(`${server.url}/feedback`, { body })).status).toBe(202);
    }
    expect(await server.stop()).toBe(0);

    expect(await readLogs(folder, "feedback")).toHaveLength(1);
    const messages = (await readFile(sent, "utf8"))
      .trim()
      .split("\n")
      .flatMap(
        (one) => (JSON.parse(one) as { messages: { key: string; value: string }[] }).messages,
      );
    expect(messages.map(({ key }) => key).toSorted()).toEqual([ID, ID, "second"].toSorted());
    const lines = await readLogs(folder, "prediction");
    for (const line of lines) expect(messages.map(({ value }) => value.trim())).toContain(line);

    if (has("jq")) {
      const { stdout } = await runShell(find(shells, "jq -c"), folder);
      expect(stdout).toBe(`["${ID}",{"churn":true}]\n["second",{"churn":false}]\n`);
    }
    for (const args of commandsWith("logs shipper")) {
      const { code, stdout } = await home.run(args);
      expect([code, stdout]).toEqual([0, expect.stringContaining(folder)]);
    }
    const replays = [commandsWith("replay"), commandsWith("--feedback")].flat();
    const printed: string[] = [];
    for (const args of replays) {
      const { code, stdout, stderr } = await home.run(args, { env: { SENT: sent } });
      expect([code, stderr]).toEqual([0, expect.any(String)]);
      printed.push(stdout);
    }
    expect(printed).toHaveLength(2);
    expect(printed[1]).toMatch(/accuracy/i);
  });

  test("show a command that sends spans", async () => {
    await using receiver = await startReceiver();
    const [, ...args] = commandsWith("--tracing-endpoint")[0]!.map((one) =>
      one.replace("http://localhost:4318", receiver.url),
    );
    const env = { SENT: join(home.path, "traced.ndjson") };
    const server = await home.serve([...args, "--port", "0"], { env });
    expect((await send(`${server.url}/predict`, { body: '{"x":1}' })).status).toBe(200);
    await receiver.waitFor({ "POST /predict": 1 });
    expect(await server.stop()).toBe(0);
  });
});

const runShell = (command: string, cwd: string) =>
  promisify(execFile)("sh", ["-c", command], { cwd });

/** Whether a tool is installed; in continuous integration it has to be. */
function has(tool: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${tool}`], { stdio: "ignore" });
    return true;
  } catch {
    if (process.env["CI"] !== undefined) throw new Error(`${tool} is not installed`);
    console.warn(`${tool} is not installed, so its command was not run`);
    return false;
  }
}
