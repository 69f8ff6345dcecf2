import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createHeadlessKernel } from "../../kernels/tslab/headless.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const tslab = dirname(createRequire(import.meta.url).resolve("tslab/package.json"));

it("works under plain tslab up to save(), which says what is missing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ekiben-plain-"));
  mkdirSync(join(folder, "node_modules"));
  const link = (name: string, target: string): void =>
    symlinkSync(target, join(folder, "node_modules", name), "junction");
  link("ekiben", root);
  for (const name of ["zod", "hono", "danfojs-node"]) link(name, join(root, "node_modules", name));
  try {
    await using kernel = await createHeadlessKernel({
      cwd: folder,
      command: [
        process.execPath,
        join(tslab, "bin", "tslab"),
        "kernel",
        "--config-path",
        "{connection_file}",
      ],
    });
    const run = async (code: string): Promise<string> => {
      const { status, text } = await kernel.execute(code);
      expect(status, text).toBe("ok");
      return text;
    };
    await run(`import { defineService, json, z } from "ekiben";`);
    await run(`const Item = z.object({ x: z.number() });
const s = defineService({ name: "plain" }).api("f", {
  input: json(Item),
  output: z.number(),
  handler: ({ x }) => x * 2,
});`);
    const started = await kernel.execute("const server = await s.startDevServer({ port: 0 });");
    const shown = JSON.stringify(started.outputs);
    expect(shown).toContain("answers at");
    expect(shown).toContain("save() needs cells to be recorded");
    expect(await run("await s.call.f({ x: 4 })")).toBe("8\n");
    await run("await s.stopDevServer();");
    const saved = await kernel.execute("await s.save()");
    expect(saved.status).toBe("error");
    expect(saved.text).toContain("NOTEBOOK_REQUIRED");
    expect(saved.text).toContain("npx ekiben kernel install");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
