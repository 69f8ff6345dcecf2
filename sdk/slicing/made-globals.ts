import type { Reference } from "./find-references.js";
import type { Cell, Notebook } from "./notebook.js";

const GLOBAL_OBJECTS: ReadonlySet<string> = new Set(["globalThis", "global"]);

/** The name of a global that a reference reads or makes: `x`, or `x` of `globalThis.x`. */
export function globalOf({ name, member, space }: Reference): string | undefined {
  if (space !== "value") return undefined;
  return GLOBAL_OBJECTS.has(name) ? member : name;
}

/** Finds the globals that cells made by assigning to `globalThis.x`: a bundle does not have them. */
export function findMadeGlobals({ cells }: Notebook): ReadonlyMap<string, Cell> {
  const made = new Map<string, Cell>();
  for (const cell of cells.values()) {
    for (const reference of cell.references) {
      const { name, member, assignsMember } = reference;
      if (assignsMember && member !== undefined && GLOBAL_OBJECTS.has(name)) made.set(member, cell);
    }
  }
  return made;
}
