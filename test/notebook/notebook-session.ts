import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createHeadlessKernel, type HeadlessKernel } from "../../kernels/tslab/headless.js";
import type { SavedBundle } from "../../sdk/service/faces.js";

/** A real kernel in a folder of its own. */
export interface NotebookSession extends AsyncDisposable {
  readonly directory: string;
  readonly kernel: HeadlessKernel;
  /** Runs cells that must succeed; answers the text of the last one. */
  run(...cells: string[]): Promise<string>;
  /** Runs a cell that must fail; answers the text of its error. */
  fail(cell: string): Promise<string>;
  /** Runs an expression and reads its value. */
  evaluate<T>(expression: string): Promise<T>;
  /** Saves a service, verified by its recorded calls. */
  save(service: string, options?: object): Promise<Saved>;
}

export interface Saved extends SavedBundle {
  /** A text file of the bundle. */
  read(path: string): string;
}

const MARK = "@@value@@";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** @param packages are installed in the folder as npm would lay them. */
export async function createNotebookSession(
  files: Readonly<Record<string, string | Uint8Array>> = {},
  packages: readonly string[] = [],
): Promise<NotebookSession> {
  const directory = mkdtempSync(join(tmpdir(), "ekiben-notebook-"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  for (const name of packages) {
    cpSync(join(root, "node_modules", name), join(directory, "node_modules", name), {
      recursive: true,
    });
  }
  const kernel = await createHeadlessKernel({
    cwd: directory,
    env: { EKIBEN_HOME: join(directory, ".ekiben") },
  });

  async function run(...cells: string[]): Promise<string> {
    let text = "";
    for (const cell of cells) {
      const result = await kernel.execute(cell);
      if (result.status !== "ok") throw new Error(`A cell failed:\n${cell}\n${result.text}`);
      text = result.text;
    }
    return text;
  }

  async function evaluate<T>(expression: string): Promise<T> {
    const text = await run(`console.log(${JSON.stringify(MARK)} + JSON.stringify(${expression}))`);
    const line = text.split("\n").find((one) => one.startsWith(MARK));
    if (line === undefined) throw new Error(`No value in:\n${text}`);
    return JSON.parse(line.slice(MARK.length)) as T;
  }

  return {
    directory,
    kernel,
    run,
    evaluate,
    async fail(cell) {
      const result = await kernel.execute(cell);
      if (result.status !== "error") throw new Error(`A cell did not fail:\n${cell}`);
      return result.text;
    },
    async save(service, options = {}) {
      const saved = await evaluate<SavedBundle>(
        `await ${service}.save(${JSON.stringify(options)})`,
      );
      return { ...saved, read: (path) => readFileSync(join(saved.directory, path), "utf8") };
    },
    async [Symbol.asyncDispose]() {
      await kernel.shutdown();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
