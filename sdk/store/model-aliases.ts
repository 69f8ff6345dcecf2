import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { EkibenError } from "../core/errors.js";
import { writeWhole } from "./write-whole.js";

const aliasesSchema = z.record(z.string(), z.string());

/** The version that each alias of a model leads to. */
export type Aliases = Readonly<Record<string, string>>;

function aliasesPath(store: string, name: string): string {
  return join(store, "models", "aliases", `${name}.json`);
}

/** @throws MODEL_CORRUPT when the file cannot be read as such */
export async function readAliases(store: string, name: string): Promise<Aliases> {
  const file = aliasesPath(store, name);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
  try {
    return aliasesSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new EkibenError("MODEL_CORRUPT", {
      detail: `${file} does not say which version an alias leads to.`,
      hint: "Remove the file, and give the aliases again with `ekiben models tag`.",
      cause,
    });
  }
}

export async function writeAliases(store: string, name: string, aliases: Aliases): Promise<void> {
  const file = aliasesPath(store, name);
  if (Object.keys(aliases).length === 0) return rm(file, { force: true });
  await writeWhole(file, `${JSON.stringify(aliases, null, 2)}\n`);
}
