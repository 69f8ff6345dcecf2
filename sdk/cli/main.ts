#!/usr/bin/env node
import { endWithError } from "./end-with-error.js";
import { readPlainServe, type PlainServe } from "./plain-serve.js";
import { serveTag } from "./serve-tag.js";

const words = process.argv.slice(2);
const plain = readPlainServe(words);
(plain === undefined ? runProgram() : serve(plain)).catch((error: unknown) => endWithError(error));

async function runProgram(): Promise<void> {
  await (await import("./program.js")).runProgram(words);
}

async function serve({ target, sources }: PlainServe): Promise<void> {
  const { resolveSettings } = await import("../server/settings/resolve.js");
  await serveTag(target, () => resolveSettings({ ...sources, env: process.env }));
}
