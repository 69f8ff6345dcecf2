import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The rooms of `sdk`, from the lowest floor up: an import may only lead to a lower one. */
const ROOMS = [
  "core",
  "observability",
  "batching",
  "tensor",
  "frame",
  "slicing",
  "tables",
  "inputs",
  "outputs",
  "models",
  "service",
  "client",
  "http",
  "bundle",
  "execution",
  "store",
  "mlflow",
  "deploy",
  "replay",
  "server",
  "notebook",
  "cli",
];

/** Everything that may stand at the top level, besides dotfiles and what is not committed. */
const TOP_LEVEL = [
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  "examples",
  "kernels",
  "notebooks",
  "package-lock.json",
  "package.json",
  "sdk",
  "test",
  "tsconfig.json",
];
const NOT_COMMITTED = ["node_modules", "dist"];

function listFiles(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? listFiles(path) : [path];
  });
}

const sources = listFiles(join(root, "sdk")).filter((file) => file.endsWith(".ts"));

function findImports(file: string): string[] {
  const { module, program } = parseSync(file, readFileSync(file, "utf8"));
  expect(program.body.length).toBeGreaterThan(0);
  return [
    ...module.staticImports.map((one) => one.moduleRequest.value),
    ...module.staticExports.flatMap((one) =>
      one.entries.flatMap((entry) => entry.moduleRequest?.value ?? []),
    ),
    ...module.dynamicImports.flatMap((one) => {
      const text = readFileSync(file, "utf8").slice(one.moduleRequest.start, one.moduleRequest.end);
      return /^["'][^"']+["']$/.test(text) ? [text.slice(1, -1)] : [];
    }),
  ];
}

function roomOf(file: string): string {
  const [room, ...rest] = relative(join(root, "sdk"), file).split(sep);
  return rest.length === 0 ? "index" : room!;
}

describe("the house", () => {
  it("has exactly the listed top level", () => {
    const found = readdirSync(root).filter(
      (name) => !name.startsWith(".") && !NOT_COMMITTED.includes(name),
    );
    expect(found.sort()).toEqual(TOP_LEVEL);
  });

  it("has exactly the listed rooms in sdk", () => {
    const found = readdirSync(join(root, "sdk"), { withFileTypes: true });
    expect(found.filter((entry) => entry.isFile()).map((entry) => entry.name)).toEqual([
      "index.ts",
    ]);
    const rooms = found.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    expect(rooms.sort()).toEqual([...ROOMS].sort());
  });

  it("has a README in every room", () => {
    const lacking = ROOMS.filter(
      (room) => !readdirSync(join(root, "sdk", room)).includes("README.md"),
    );
    expect(lacking).toEqual([]);
  });

  it("imports downward only", () => {
    const wrong: string[] = [];
    for (const file of sources) {
      const room = roomOf(file);
      if (room === "index") continue;
      for (const specifier of findImports(file)) {
        if (!specifier.startsWith(".")) continue;
        const target = resolve(dirname(file), specifier);
        const outside = relative(join(root, "sdk"), target).startsWith("..");
        const toKernel = outside && relative(join(root, "kernels"), target)[0] !== ".";
        if (room === "cli" && toKernel) continue;
        const other = outside ? "outside" : roomOf(target.replace(/\.js$/, ".ts"));
        if (
          other === room ||
          (ROOMS.indexOf(other) < ROOMS.indexOf(room) && other !== "outside" && other !== "index")
        )
          continue;
        wrong.push(`${relative(root, file)} imports ${specifier}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("keeps HTTP out of core and batching", () => {
    const lower = sources.filter((file) => ["core", "batching"].includes(roomOf(file)));
    const http = /^(node:http|node:https|hono|@hono\/)/;
    expect(lower.filter((file) => findImports(file).some((one) => http.test(one)))).toEqual([]);
  });

  it("lets kernels, notebooks and examples use the published entry only", () => {
    const files = ["kernels", "examples"]
      .flatMap((folder) => listFiles(join(root, folder)))
      .filter((file) => file.endsWith(".ts"));
    const wrong = files.flatMap((file) =>
      findImports(file)
        .filter((one) => one.startsWith("."))
        .map((one) => resolve(dirname(file), one))
        .filter((target) => target.startsWith(join(root, "sdk")))
        .map((target) => `${relative(root, file)} imports ${relative(root, target)}`),
    );
    expect(wrong).toEqual([]);
  });

  it("has no top-level await, which a require() of the package could not load", () => {
    const wrong = sources.filter((file) => {
      const { program } = parseSync(file, readFileSync(file, "utf8"));
      return program.body.some((statement) => {
        const text = JSON.stringify(statement, (key, value: unknown) =>
          isFunction(value) || key === "parent" || typeof value === "bigint" ? undefined : value,
        );
        return text?.includes('"type":"AwaitExpression"') ?? false;
      });
    });
    expect(wrong).toEqual([]);
  });
});

function isFunction(node: unknown): boolean {
  const type = (node as { type?: unknown } | null)?.type;
  return (
    type === "FunctionDeclaration" ||
    type === "FunctionExpression" ||
    type === "ArrowFunctionExpression"
  );
}
