import type { Reference } from "./find-references.js";
import { type BindingId, type Cell, declares, keyOf, type Notebook } from "./notebook.js";
import type { NameResolver } from "./resolve-names.js";

/** A place in an executed cell that gives a variable another value, or changes what it holds. */
export interface Change {
  readonly cell: Cell;
  readonly reference: Reference;
  /** It ran as the cell ran; otherwise it stands in a function, and runs whenever that is called. */
  readonly atOnce: boolean;
}

/** Finds the changes of every variable after its declaration, in the order of execution. */
export function findChanges(
  notebook: Notebook,
  resolver: NameResolver,
): ReadonlyMap<string, readonly Change[]> {
  const changes = new Map<string, Change[]>();
  const add = (binding: BindingId, change: Change): void => {
    const key = keyOf(binding);
    const known = changes.get(key);
    if (known === undefined) changes.set(key, [change]);
    else known.push(change);
  };
  const addLater = (name: string, since: number, change: Change): void => {
    for (const other of notebook.cells.values()) {
      if (other.id > since && declares(other, name, "value")) {
        add({ execution: other.id, name }, change);
      }
    }
  };
  for (const cell of notebook.cells.values()) {
    for (const reference of cell.references) {
      if (reference.space !== "value" || !(reference.write || reference.mutates)) continue;
      const atOnce = cell.atOnce.has(reference.unit);
      const { name } = reference;
      if (declares(cell, name, "value")) {
        add({ execution: cell.id, name }, { cell, reference, atOnce });
        // The assignment goes on publishing the name, also when a later cell has declared it.
        if (!atOnce && reference.write) addLater(name, cell.id, { cell, reference, atOnce });
        continue;
      }
      const first = resolver.whileRunning(cell, reference);
      if (first.kind === "global") continue;
      if (first.kind === "binding") add(first.binding, { cell, reference, atOnce });
      if (atOnce) continue;
      // A function may have run at any time since, so it may have met every later owner.
      const since = first.kind === "binding" ? first.binding.execution : 0;
      addLater(name, since, { cell, reference, atOnce });
    }
  }
  return changes;
}
