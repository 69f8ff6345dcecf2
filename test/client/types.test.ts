import { execFile } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type * as TypeScript from "@tslab/typescript-for-tslab";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url));

// A project that has the package installed, as its users have it.
let project: string;
let file: string;
beforeAll(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), "ekiben-types-")));
  mkdirSync(join(project, "node_modules"));
  symlinkSync(root, join(project, "node_modules", "ekiben"), "junction");
  file = join(project, "typed-calls.ts");
  writeFileSync(join(project, "package.json"), '{"type":"module"}');
  copyFileSync(new URL("typed-calls.ts", import.meta.url), file);
});
afterAll(() => {
  rmSync(project, { recursive: true });
});

function compile(resolution: "Node10" | "Bundler" | "NodeNext", strict: boolean): string[] {
  const ts = require("@tslab/typescript-for-tslab") as typeof TypeScript;
  expect(ts.version).toBe("5.0.4");
  const program = ts.createProgram([file], {
    module: resolution === "NodeNext" ? ts.ModuleKind.NodeNext : ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind[resolution],
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    types: [],
    esModuleInterop: true,
    skipLibCheck: true,
    declaration: true,
    noEmit: true,
    strict,
  });
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const at = diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
    return `${at === undefined ? "" : `line ${at.line + 1}: `}${text}`;
  });
}

describe("the types of a client", () => {
  test.each([
    ["Node10", true],
    ["Node10", false],
    ["Bundler", true],
    ["NodeNext", false],
  ] as const)("hold under TypeScript 5.0.4, %s resolution, strict %s", (resolution, strict) => {
    expect(compile(resolution, strict)).toEqual([]);
  });

  test.each(["nodenext", "bundler"])(
    "hold under the current compiler, %s resolution",
    async (resolution) => {
      const tsc = join(root, "node_modules/typescript/bin/tsc");
      const args = [tsc, "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022"];
      args.push("--module", resolution === "nodenext" ? resolution : "esnext");
      args.push("--moduleResolution", resolution, "--lib", "es2022,dom,dom.asynciterable");
      args.push("--ignoreConfig", "--types", "", file);
      const output = await new Promise<string>((resolve) => {
        execFile(process.execPath, args, { cwd: project }, (_, stdout) => resolve(stdout));
      });
      expect(output).toBe("");
    },
  );
});
