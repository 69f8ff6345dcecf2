import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** A file of the compiled package that a process is started with, wherever this code is bundled. */
export function findEntry(path: string): string {
  const index = createRequire(import.meta.url).resolve("ekiben");
  return join(dirname(index), ...path.split("/"));
}
