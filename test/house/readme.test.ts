import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createNotebookSession } from "../notebook/notebook-session.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");

function findBlocks(text: string, language: string): string[] {
  return Array.from(
    text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm")),
    (match) => match[1]!,
  );
}

describe("the README", () => {
  it("shows cells that run as they stand", async () => {
    const [block] = findBlocks(readme, "ts");
    const cells = block!.split(/^(?=\/\/ cell)/m);
    expect(cells.length).toBeGreaterThan(4);
    const model = readFileSync(join(root, "notebooks/models/churn.onnx"));
    await using session = await createNotebookSession({ "models/churn.onnx": model });
    await session.run(...cells);
    const bundle = await session.evaluate<{ tag: string; verified: number }>("bundle");
    expect(bundle.tag).toMatch(/^churn:/);
    expect(bundle.verified).toBe(1);
  });

  it("names only commands that exist", () => {
    const commands = findBlocks(readme, "console")
      .flatMap((block) => block.split("\n"))
      .flatMap((line) => /npx ekiben ([a-z]+(?: (?:install|run)\b)?)/.exec(line)?.[1] ?? []);
    expect(commands.length).toBeGreaterThan(4);
    const cli = join(root, "dist/sdk/cli/main.js");
    for (const command of new Set(commands)) {
      const help = execFileSync(process.execPath, [cli, ...command.split(" "), "--help"], {
        encoding: "utf8",
      });
      expect(help).toContain(`ekiben ${command}`);
    }
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["start", "test", "bench"]));
  });
});

describe("every page", () => {
  const pages = [
    "README.md",
    ...findPages("sdk"),
    ...findPages("kernels"),
    ...findPages("test"),
    ...findPages("examples"),
  ];

  it.each(pages)("%s links to files that exist", (page) => {
    const text = readFileSync(join(root, page), "utf8");
    const links = Array.from(text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g), (match) => match[1]!);
    const broken = links
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => !existsSync(join(root, dirname(page), link)));
    expect(broken).toEqual([]);
  });
});

function findPages(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md") && !path.includes("fixtures"))
    .map((path) => `${folder}/${path}`);
}
