import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type * as TypeScript from "@tslab/typescript-for-tslab";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../..", import.meta.url));
const file = fileURLToPath(new URL("service.ts", import.meta.url));

describe("the public types", () => {
  it.each([true, false])("hold under the compiler of tslab, strict %s", (strict) => {
    const ts = require("@tslab/typescript-for-tslab") as typeof TypeScript;
    expect(ts.version).toBe("5.0.4");
    const program = ts.createProgram([file], {
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Node10,
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.es2022.d.ts"],
      esModuleInterop: true,
      skipLibCheck: true,
      declaration: true,
      noEmit: true,
      strict,
      baseUrl: root,
      paths: { ekiben: ["dist/sdk/index.d.ts"] },
    });
    const found = ts.getPreEmitDiagnostics(program).map((diagnostic) => {
      const at = diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
      const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
      return `${at === undefined ? "" : `line ${at.line + 1}: `}${text}`;
    });
    expect(found).toEqual([]);
  });

  it("hold under the current compiler", async () => {
    const output = await new Promise<string>((resolve) => {
      const tsc = fileURLToPath(
        new URL("node_modules/typescript/bin/tsc", new URL("../..", import.meta.url)),
      );
      const args = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022"];
      args.push("--module", "nodenext", "--ignoreConfig", "--types", "node", file);
      execFile(process.execPath, [tsc, ...args], { cwd: root }, (_, stdout) => resolve(stdout));
    });
    expect(output).toBe("");
  });
});
