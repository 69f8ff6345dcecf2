import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { installKernelspec } from "../../kernels/tslab/kernelspec.js";
import { runNotebook } from "../../kernels/tslab/run-notebook.js";
import { toOutputText, type CellOutput } from "../../kernels/tslab/outputs.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cli = join(root, "dist/sdk/cli/main.js");
const notebooks = readdirSync(join(root, "notebooks")).filter((name) => name.endsWith(".ipynb"));

/** A notebook that says nothing was not run. */
const SHOWN: Readonly<Record<string, readonly RegExp[]>> = {
  "01-quickstart.ipynb": [
    /Saved churn:/,
    /1 recorded call answered alike/,
    /risk: 'high'/,
    /"column": "plan"/,
  ],
  "02-many-models.ipynb": [
    /Saved churn-ensemble:/,
    /1 recorded call answered alike/,
    /model net: tfjs on wasm/,
    // What the models from Python are worth, as their frameworks' own answers have it.
    /linear +│ 0\.801 +│ 0\.418/,
    /trees +│ 0\.799 +│ 0\.453/,
    /ensemble +│ 0\.\d+ +│ 0\.4[12]\d/,
    /100 requests in \d+ batches, 0 wrong answers/,
    /left +\[5\] net\.compile/,
  ],
};

/** Times, ports, versions and durations differ with each run. */
function withoutNumbers(text: string): string {
  return text.replace(/churn:[\w-]+/g, "churn").replace(/\d+(?:[:.]\d+)*/g, "N");
}

/** The service was trained and tried out with customers, and none of them travels with it. */
function checkBundleOfMany(home: string, text: string): void {
  const losses = Array.from(text.matchAll(/round \d+: loss ([\d.]+)/g), ([, loss]) => Number(loss));
  expect(losses).toHaveLength(5);
  expect(losses.at(-1)).toBeLessThan(losses[0]!);
  expect(Number(/100 requests in (\d+) batches/.exec(text)![1])).toBeLessThan(100);

  const bundles = join(home, "bundles", "churn-ensemble");
  const bundle = join(bundles, readdirSync(bundles)[0]!);
  const files = (readdirSync(bundle, { recursive: true }) as string[]).filter((file) =>
    statSync(join(bundle, file)).isFile(),
  );
  expect(readFileSync(join(bundle, "src", "values.json"), "utf8").length).toBeLessThan(2000);
  expect(files.filter((file) => file.startsWith("samples"))).toHaveLength(1);
  const [, first, , , another] = readFileSync(join(root, "notebooks/data/churn.csv"), "utf8")
    .split(/\r?\n(?=C-\d)/)
    .map((line) => line.split(",").at(-6));
  for (const file of files.filter((file) => /\.(json|ts|mjs|md|map)$/.test(file))) {
    const content = readFileSync(join(bundle, file), "utf8");
    for (const charge of [first!, another!, "Windhoek", "C-0"])
      expect(content).not.toContain(charge);
  }
}

function makeFolder(): Disposable & { path: string } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "ekiben-notebooks-")));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

describe("notebooks", () => {
  it("knows what each of them shows", () => {
    expect(Object.keys(SHOWN)).toEqual(notebooks);
  });

  it.each(notebooks)(
    "%s runs from its first cell to its last",
    {
      timeout: 360_000,
    },
    async (name) => {
      using home = makeFolder();
      const { failures, notebook } = await runNotebook(join(root, "notebooks", name), {
        env: { EKIBEN_HOME: home.path },
      });
      expect(failures).toEqual([]);
      const text = notebook.cells
        .flatMap((cell) => (cell.outputs ?? []) as CellOutput[])
        .map(toOutputText)
        .join("\n");
      for (const shown of SHOWN[name]!) expect(text).toMatch(shown);
      if (name === "02-many-models.ipynb") checkBundleOfMany(home.path, text);
    },
  );

  it.each(notebooks)("%s has two sentences of explanation before each cell", (name) => {
    const { cells } = JSON.parse(readFileSync(join(root, "notebooks", name), "utf8")) as {
      cells: { cell_type: string; source: string[]; outputs?: unknown[] }[];
    };
    const code = cells.flatMap((cell, index) => (cell.cell_type === "code" ? [index] : []));
    expect(code.length).toBeGreaterThan(5);
    for (const index of code) {
      const before = cells[index - 1]!;
      expect(before.cell_type).toBe("markdown");
      const prose = before.source.join("").replace(/^#.*$/gm, "");
      expect(prose.match(/[.:](\s|$)/g)?.length ?? 0, prose).toBeGreaterThanOrEqual(2);
      expect(cells[index]!.outputs).toEqual([]);
    }
  });

  it("are what the first command of the README runs and serves", { timeout: 180_000 }, async () => {
    using home = makeFolder();
    const child = spawn(process.execPath, [cli, "quickstart", "--port", "0"], {
      cwd: root,
      env: { ...process.env, EKIBEN_HOME: home.path, PORT: "", HOST: "" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const exited = once(child, "close");
    let output = "";
    try {
      child.stderr.on("data", (text: Buffer) => (output += text.toString()));
      const url = await new Promise<string>((resolve, reject) => {
        child.stdout.on("data", (text: Buffer) => {
          output += text.toString();
          const found = /page of the service: (http:\/\/\S+)/.exec(output)?.[1];
          if (found !== undefined) resolve(found);
        });
        void exited.then(() => reject(new Error(output)));
      });
      const page = await fetch(url);
      expect(page.status).toBe(200);
      expect(await page.text()).toContain("churn");
      const sample = JSON.parse(
        readFileSync(join(root, "test/fixtures/skl-churn-columntransformer/inputs.json"), "utf8"),
      ) as unknown[];
      const answer = await fetch(new URL("v1/churn/predict", url), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(sample.slice(0, 20)),
      });
      const expected = JSON.parse(
        readFileSync(join(root, "test/fixtures/skl-churn-columntransformer/expected.json"), "utf8"),
      ) as { outputs: { probabilities: number[][] } };
      const churn = ((await answer.json()) as { churn: number }[]).map((one) => one.churn);
      expect(churn).toHaveLength(20);
      for (const [row, value] of churn.entries()) {
        expect(value).toBeCloseTo(expected.outputs.probabilities[row]![1]!, 5);
      }
    } finally {
      child.kill("SIGTERM");
      await exited;
    }
    expect(child.exitCode).toBe(0);
    // What is a line of the log reads as one, and the address is the last thing said.
    expect(output).not.toMatch(/^\{"/m);
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const [, shown] = /<!-- start:start -->\n```text\n([^]*?\n)```/.exec(readme)!;
    expect(withoutNumbers(output)).toContain(withoutNumbers(shown!));
  });

  it.skipIf(process.platform === "win32")(
    "stop serving when `npm start` is ended, whose shell passes no signal on",
    { timeout: 180_000 },
    async () => {
      using home = makeFolder();
      const shell = spawn(
        "sh",
        ["-c", `"${process.execPath}" "${cli}" quickstart --port 0; true`],
        {
          cwd: root,
          env: { ...process.env, EKIBEN_HOME: home.path, PORT: "", HOST: "" },
          stdio: ["ignore", "pipe", "ignore"],
        },
      );
      let output = "";
      const url = await new Promise<string>((resolve, reject) => {
        shell.stdout.on("data", (text: Buffer) => {
          output += text.toString();
          const found = /page of the service: (http:\/\/\S+)/.exec(output)?.[1];
          if (found !== undefined) resolve(found);
        });
        shell.once("exit", () => reject(new Error(output)));
      });
      expect((await fetch(url)).status).toBe(200);
      // Its output closes when the server that the shell left behind has ended as well.
      const closed = once(shell.stdout, "close");
      shell.kill("SIGTERM");
      await closed;
      await expect(fetch(url)).rejects.toThrow();
    },
  );

  const jupyter = spawnSync("jupyter", ["nbconvert", "--version"]).status === 0;
  const required = process.env["CI"] === "true";
  it.skipIf(!jupyter && !required)(
    `run in Jupyter itself${jupyter || required ? "" : " (skipped: jupyter nbconvert is not installed)"}`,
    { timeout: 480_000 },
    async () => {
      using folder = makeFolder();
      const work = join(folder.path, "notebooks");
      cpSync(join(root, "notebooks"), work, { recursive: true });
      symlinkSync(join(root, "node_modules"), join(folder.path, "node_modules"), "junction");
      await installKernelspec({ prefix: folder.path });
      for (const name of notebooks) {
        const run = spawnSync(
          "jupyter",
          ["nbconvert", "--to", "html", "--execute", name, "--output", "out.html"],
          {
            cwd: work,
            encoding: "utf8",
            env: {
              ...process.env,
              JUPYTER_PATH: join(folder.path, "share", "jupyter"),
              JUPYTER_RUNTIME_DIR: join(folder.path, "runtime"),
              EKIBEN_HOME: join(folder.path, "home"),
            },
          },
        );
        expect(run.status, run.stderr).toBe(0);
        const html = readFileSync(join(work, "out.html"), "utf8");
        expect(html).toContain("recorded call answered alike");
        expect(html).toMatch(/<strong>churn(-ensemble)?<\/strong> answers at/);
      }
    },
  );
});
