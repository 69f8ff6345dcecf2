import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { LogStream } from "../../sdk/observability/lines/line-sink.js";

/** The names of the files of a stream: the rotated ones in order, then the active one. */
export async function listLogs(directory: string, stream: LogStream): Promise<string[]> {
  const names = (await readdir(directory)).filter((name) => name.startsWith(stream));
  const active = `${stream}.log`;
  return [...names.filter((name) => name !== active).sort(), ...names.filter((n) => n === active)];
}

/** All lines of a stream, rotated and packed files included; a line without an end is told. */
export async function readLogs(directory: string, stream: LogStream): Promise<string[]> {
  const lines: string[] = [];
  for (const name of await listLogs(directory, stream)) {
    const bytes = await readFile(join(directory, name));
    const text = (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
    const parts = text.split("\n");
    const rest = parts.pop();
    lines.push(...parts);
    if (rest !== "") lines.push(`${rest} (without an end, in ${name})`);
  }
  return lines;
}

/** Waits until something holds, within a generous limit. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (performance.now() < end) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("what was waited for did not happen");
}
