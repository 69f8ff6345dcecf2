import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const sdk = fileURLToPath(new URL("../../sdk", import.meta.url));

/** The rooms whose README names each of their files; a further one may join, and none may leave. */
const COMPLETE = ["execution", "frame", "http", "replay", "tensor"];

const rooms = readdirSync(sdk, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(sdk, entry.name, "README.md")))
  .map(({ name }) => name);

const listSources = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((one) => one.endsWith(".ts"));

/** The files that the README of a room names in code, such as `sender.ts` or `../core/clock.ts`. */
function findNamed(room: string): string[] {
  const text = readFileSync(join(sdk, room, "README.md"), "utf8");
  return Array.from(text.matchAll(/`([\w./-]+\.ts)`/g), ([, path]) => path!);
}

describe("the README of", () => {
  const known = new Set(listSources(sdk).map((path) => basename(path)));

  it.each(rooms)("%s names no source file that is not there", (room) => {
    // `service.ts` is what an author writes.
    const missing = findNamed(room).filter((path) =>
      path.startsWith("test/")
        ? !existsSync(join(sdk, "..", path))
        : path !== "service.ts" && !known.has(basename(path)),
    );
    expect(missing).toEqual([]);
  });

  it.each(COMPLETE)("%s names every file of its room", (room) => {
    const named = new Set(findNamed(room).map((path) => basename(path)));
    const names = listSources(join(sdk, room)).map((path) => basename(path));
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !named.has(name))).toEqual([]);
  });
});
