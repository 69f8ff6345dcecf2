import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync, Visitor } from "oxc-parser";
import { check } from "recheck";
import { describe, expect, it } from "vitest";
import { REQUEST_ID_PATTERN } from "../../sdk/http/request-id.js";

const sdk = fileURLToPath(new URL("../../sdk", import.meta.url));

interface Found {
  source: string;
  flags: string;
  files: Set<string>;
}

/**
 * Those that may take more than linear time, by their file, and why that cannot hurt: what they read
 * is written on this machine by whoever runs it, and short.
 */
const TRUSTED: Readonly<Record<string, { count: number; because: string }>> = {
  "models/onnx-refusal.ts": { count: 4, because: "messages of onnxruntime, of one model" },
  "notebook/secrets.ts": { count: 1, because: "its repetitions are bounded; values of the author" },
};

const expressions = new Map<string, Found>();
const built: string[] = [];
for (const file of readdirSync(sdk, { recursive: true, encoding: "utf8" })) {
  if (!file.endsWith(".ts")) continue;
  const name = file.replaceAll("\\", "/");
  const { program } = parseSync(file, readFileSync(join(sdk, file), "utf8"));
  const visitBuilt = (callee: { type: string; name?: string }): void => {
    if (callee.type === "Identifier" && callee.name === "RegExp") built.push(name);
  };
  new Visitor({
    Literal(node) {
      if (!("regex" in node)) return;
      const { pattern: source, flags } = node.regex;
      const key = `/${source}/${flags}`;
      const found = expressions.get(key) ?? { source, flags, files: new Set() };
      expressions.set(key, { ...found, files: found.files.add(name) });
    },
    NewExpression: ({ callee }) => visitBuilt(callee as { type: string }),
    CallExpression: ({ callee }) => visitBuilt(callee as { type: string }),
  }).visit(program);
}

/** The limits of each step, in milliseconds, are for a machine that has nothing else to do. */
const PATIENCE = {
  timeout: 300_000,
  attackTimeout: 60_000,
  incubationTimeout: 60_000,
  seedingTimeout: 60_000,
};

/** What an attacker would send, or nothing for an expression that takes linear time. */
async function findAttack(source: string, flags: string): Promise<string | undefined> {
  const quick = await check(source, flags, { timeout: 60_000 });
  const { status, ...rest } =
    quick.status === "unknown" ? await check(source, flags, PATIENCE) : quick;
  if (status === "safe") return undefined;
  return status === "vulnerable" && "attack" in rest ? rest.attack!.pattern : status;
}

describe("regular expressions", () => {
  it("take time in proportion to their text, whatever it is", { timeout: 600_000 }, async () => {
    expect(expressions.size).toBeGreaterThan(200);
    const slow: string[] = [];
    const trusted = new Map<string, number>();
    for (const [key, { source, flags, files }] of expressions) {
      const attack = await findAttack(source, flags);
      if (attack === undefined) continue;
      for (const file of files) {
        if (file in TRUSTED) trusted.set(file, (trusted.get(file) ?? 0) + 1);
        else slow.push(`${key} in ${file}: ${attack}`);
      }
    }
    expect(slow).toEqual([]);
    expect(Object.fromEntries(trusted)).toEqual(
      Object.fromEntries(Object.entries(TRUSTED).map(([file, { count }]) => [file, count])),
    );
  });

  it("are made of text in one place only, of a constant that takes linear time", async () => {
    expect(built).toEqual(["http/request-id.ts"]);
    expect(await findAttack(REQUEST_ID_PATTERN, "")).toBeUndefined();
  });

  it.each([
    ["(a+)+$", ""],
    ["\\s+$", ""],
    ["(.*?),(.*?),(.*?);", "s"],
  ])("that would take longer are found: %s", async (source, flags) => {
    expect(await findAttack(source, flags)).toEqual(expect.any(String));
  });
});
