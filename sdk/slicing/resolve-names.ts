import type { Reference, Space } from "./find-references.js";
import { type BindingId, type Cell, declares, type Notebook } from "./notebook.js";
import { refuse } from "./refuse.js";

/** What a name means: a variable of the notebook, a global of Node, or nothing that is known. */
export type Meaning =
  | { readonly kind: "binding"; readonly binding: BindingId }
  | { readonly kind: "global" | "unknown" };

export interface NameResolver {
  /** What a name in `cell` means while the code of `at` runs; `at` is the cell itself by default. */
  whileRunning(cell: Cell, reference: Named, at?: Cell): Meaning;
  /** What a name in a function of `cell` means now. */
  now(cell: Cell, reference: Named): Meaning;
}

type Named = Pick<Reference, "name" | "space">;

/**
 * Tells what names mean by the rules of the kernel. A name that the cell declares is always that
 * execution's own variable; every other name belongs to the execution that declared it last, as of
 * the time in question.
 */
export function createNameResolver(
  notebook: Notebook,
  owners: ReadonlyMap<string, number>,
  isGlobal: (name: string) => boolean,
): NameResolver {
  const byAge = [...notebook.cells.values()].sort((a, b) => b.id - a.id);

  /** The kernel keeps one owner a name, but a name can be a value of one cell and a type of another. */
  const findOwner = (
    name: string,
    space: Space,
    owner: number | undefined,
    before: number,
  ): number | undefined => {
    const cell = owner === undefined ? undefined : notebook.cells.get(owner);
    if (cell !== undefined && (cell.unreadable || declares(cell, name, space))) return cell.id;
    if (space !== "type" && owner === undefined) return undefined;
    const limit = space === "type" ? before : Math.min(before, owner!);
    return byAge.find((one) => one.id < limit && one.ok && declares(one, name, space))?.id;
  };

  const mean = (name: string, owner: number | undefined): Meaning => {
    if (owner === undefined) return { kind: isGlobal(name) ? "global" : "unknown" };
    const cell = notebook.cells.get(owner);
    if (cell?.unreadable) {
      refuse(`\`${name}\` is of cell [${cell.number}], which cannot be read as TypeScript.`, {
        hint: `Rewrite cell [${cell.number}] and run it again.`,
      });
    }
    return { kind: "binding", binding: { execution: owner, name } };
  };

  /** The kernel compiled the name as a global when the notebook did not have it yet. */
  const wasGlobal = (cell: Cell, { name, space }: Named): boolean =>
    space === "value" && !cell.ownersBefore.has(name) && isGlobal(name);

  return {
    whileRunning(cell, { name, space }, at = cell) {
      if (declares(cell, name, space)) return mean(name, cell.id);
      if (wasGlobal(cell, { name, space })) return { kind: "global" };
      if (at !== cell && declares(at, name, space)) return mean(name, at.id);
      return mean(name, findOwner(name, space, at.ownersBefore.get(name), at.id));
    },
    now(cell, { name, space }) {
      if (declares(cell, name, space)) return mean(name, cell.id);
      if (wasGlobal(cell, { name, space })) return { kind: "global" };
      return mean(name, findOwner(name, space, owners.get(name), Infinity));
    },
  };
}

export function sameMeaning(a: Meaning, b: Meaning): boolean {
  if (a.kind !== "binding" || b.kind !== "binding") return a.kind === b.kind;
  return a.binding.execution === b.binding.execution && a.binding.name === b.binding.name;
}
