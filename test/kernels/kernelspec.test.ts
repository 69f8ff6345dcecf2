import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterEach, expect, test, vi } from "vitest";
import { findKernelMain } from "../../kernels/tslab/headless.js";
import {
  findKernelspecFolder,
  installKernelspec,
  removeKernelspec,
} from "../../kernels/tslab/kernelspec.js";
import { addKernel } from "../../sdk/cli/commands/kernel.js";
import { openFolder, requireBuild } from "./kernel-room.js";

afterEach(() => {
  vi.unstubAllEnvs();
});

test("the kernelspec names this node and the compiled kernel", async () => {
  await using folder = await openFolder();
  const installed = await installKernelspec({ prefix: folder.path });
  expect(installed).toBe(join(folder.path, "share", "jupyter", "kernels", "ekiben"));
  const spec = JSON.parse(await readFile(join(installed, "kernel.json"), "utf8"));
  expect(spec).toMatchObject({
    argv: [process.execPath, findKernelMain(), "{connection_file}"],
    display_name: "ekiben (TypeScript)",
    name: "ekiben",
    language: "typescript",
    metadata: { debugger: false },
  });
  expect(await removeKernelspec({ prefix: folder.path })).toBe(installed);
  expect(existsSync(installed)).toBe(false);
  expect(await removeKernelspec({ prefix: folder.path })).toBeUndefined();
});

test("the data folder of Jupyter is followed, and --user passes over it", async () => {
  vi.stubEnv("JUPYTER_DATA_DIR", join(homedir(), "elsewhere"));
  expect(await findKernelspecFolder()).toBe(join(homedir(), "elsewhere", "kernels", "ekiben"));
  expect(await findKernelspecFolder({ user: true })).not.toContain("elsewhere");
});

test.runIf(process.platform === "linux")("on Linux it is below ~/.local/share", async () => {
  vi.stubEnv("JUPYTER_DATA_DIR", undefined);
  vi.stubEnv("XDG_DATA_HOME", undefined);
  expect(await findKernelspecFolder()).toBe(
    join(homedir(), ".local", "share", "jupyter", "kernels", "ekiben"),
  );
});

test("one place at a time", async () => {
  await expect(installKernelspec({ user: true, prefix: "x" })).rejects.toMatchObject({
    code: "COMMAND_INVALID",
  });
});

test("ekiben kernel install and uninstall", async () => {
  await using folder = await openFolder();
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  const run = (...args: string[]) => {
    const program = new Command();
    addKernel(program);
    return program.parseAsync(["node", "ekiben", "kernel", ...args]);
  };
  try {
    await run("install", "--prefix", folder.path);
    const file = join(folder.path, "share", "jupyter", "kernels", "ekiben", "kernel.json");
    expect((await stat(file)).isFile()).toBe(true);
    expect(log.mock.calls.join("\n")).toContain("ekiben (TypeScript)");
    await run("uninstall", "--prefix", folder.path);
    expect(existsSync(file)).toBe(false);
  } finally {
    log.mockRestore();
  }
});

const jupyter = spawnSync("jupyter", ["nbconvert", "--version"], { encoding: "utf8" });
const hasJupyter = jupyter.status === 0;
const required = process.env["CI"] === "true";

test.skipIf(!hasJupyter && !required)(
  hasJupyter || required
    ? "Jupyter itself runs a notebook, and stops at the cell that fails"
    : "Jupyter itself runs a notebook (skipped: `jupyter nbconvert` is not installed)",
  { timeout: 180_000 },
  async () => {
    requireBuild();
    await using folder = await openFolder();
    const cell = (source: string) => {
      return { cell_type: "code", metadata: {}, source, outputs: [], execution_count: null };
    };
    const convert = async (name: string, sources: string[], ...options: string[]) => {
      const metadata = {
        kernelspec: { name: "ekiben", display_name: "ekiben (TypeScript)", language: "typescript" },
      };
      const notebook = { nbformat: 4, nbformat_minor: 4, metadata, cells: sources.map(cell) };
      await writeFile(join(folder.path, name), JSON.stringify(notebook));
      const args = [
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
        ...options,
        "--output",
        "out.ipynb",
      ];
      return spawnSync("jupyter", [...args, name], {
        cwd: folder.path,
        encoding: "utf8",
        timeout: 80_000,
      });
    };
    vi.stubEnv("JUPYTER_DATA_DIR", join(folder.path, "data"));
    vi.stubEnv("JUPYTER_RUNTIME_DIR", join(folder.path, "runtime"));
    await installKernelspec();

    const done = await convert(
      "good.ipynb",
      [
        `import { EkibenError } from "ekiben";\nimport { display } from "tslab";`,
        `throw new Error("allowed");`,
        `display.html("<b>1</b>"); process.pid`,
      ],
      "--allow-errors",
    );
    expect(done.status, done.stderr).toBe(0);
    const out = JSON.parse(await readFile(join(folder.path, "out.ipynb"), "utf8"));
    expect(out.cells[1].outputs).toMatchObject([
      { output_type: "error", ename: "Error", evalue: "allowed" },
    ]);
    expect(out.cells[2].outputs).toMatchObject([
      { output_type: "display_data" },
      { output_type: "stream" },
    ]);
    const pid = Number(out.cells[2].outputs[1].text.join(""));
    expect(() => process.kill(pid, 0)).toThrow();

    const failed = await convert("bad.ipynb", [
      `const a = 1;`,
      `type T = 1;\nthrow new Error("stop here");`,
    ]);
    expect(failed.status).not.toBe(0);
    expect(failed.stderr).toMatch(/Error: stop here\n\s+at cell \[2\]:2:7/u);
  },
);
