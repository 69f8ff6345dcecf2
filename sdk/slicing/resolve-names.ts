import type { Reference, Space } from "./find-references.js";
import { type BindingId, type Cell, declares, type Notebook } from "./notebook.js";

/**
 * What a name means: a variable of the notebook, a global of Node, or nothing that is known.
 * `broken`: a variable that had no value at the time, or whose cell cannot be read.
 */
export type Meaning =
  | { readonly kind: "binding"; readonly binding: BindingId }
  | { readonly kind: "broken"; readonly detail: string; readonly hint: string }
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
    return byAge.find((one) => one.id < limit && !one.failed && declares(one, name, space))?.id;
  };

  const mean = ({ name, space }: Named, owner: number | undefined): Meaning => {
    if (owner === undefined) {
      if (isGlobal(name)) return { kind: "global" };
      return (space === "value" && findUndeclared(name)) || { kind: "unknown" };
    }
    const cell = notebook.cells.get(owner);
    if (cell?.unreadable !== true) return { kind: "binding", binding: { execution: owner, name } };
    return {
      kind: "broken",
      detail: `\`${name}\` is of cell [${cell.number}], which cannot be read as TypeScript.`,
      hint: `Rewrite cell [${cell.number}] and run it again.`,
    };
  };

  /** A cell that failed does not own the names that it did not come to declare. */
  const findUndeclared = (name: string): Meaning | undefined => {
    const cell = byAge.find((one) => declares(one, name, "value"));
    return (
      cell && {
        kind: "broken",
        detail: `\`${name}\` has no value: cell [${cell.number}] did not come to declare it.`,
        hint: `Mend cell [${cell.number}] and run it again.`,
      }
    );
  };

  /** The kernel compiled the name as a global when the notebook did not have it yet. */
  const wasGlobal = (cell: Cell, { name, space }: Named): boolean =>
    space === "value" && !cell.ownersBefore.has(name) && isGlobal(name);

  /** A cell that fails has emptied the names that it did not come to declare. */
  const findEmptied = (name: string, owner: number, at: Cell): Meaning | undefined => {
    const cell = byAge.find(
      (one) => one.failed && owner < one.id && one.id < at.id && declares(one, name, "value"),
    );
    return (
      cell && {
        kind: "broken",
        detail: `Cell [${cell.number}] failed before it declared \`${name}\`, so \`${name}\` was empty when cell [${at.number}] ran.`,
        hint: `Run the cell that declares \`${name}\` again, then cell [${at.number}].`,
      }
    );
  };

  return {
    whileRunning(cell, named, at = cell) {
      const { name, space } = named;
      if (declares(cell, name, space)) return mean(named, cell.id);
      if (wasGlobal(cell, named)) return { kind: "global" };
      if (at !== cell && declares(at, name, space)) return mean(named, at.id);
      const owner = findOwner(name, space, at.ownersBefore.get(name), at.id);
      const emptied =
        space === "value" && owner !== undefined ? findEmptied(name, owner, at) : undefined;
      return emptied ?? mean(named, owner);
    },
    now(cell, named) {
      const { name, space } = named;
      if (declares(cell, name, space)) return mean(named, cell.id);
      if (wasGlobal(cell, named)) return { kind: "global" };
      return mean(named, findOwner(name, space, owners.get(name), Infinity));
    },
  };
}

export function sameMeaning(a: Meaning, b: Meaning): boolean {
  if (a.kind !== "binding" || b.kind !== "binding") return a.kind === b.kind;
  return a.binding.execution === b.binding.execution && a.binding.name === b.binding.name;
}
