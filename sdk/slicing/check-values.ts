import type { Captured, Kept } from "./capture.js";
import type { Change } from "./find-changes.js";
import { type BindingId, declares, keyOf, type Notebook } from "./notebook.js";
import { refuse } from "./refuse.js";

/**
 * Where a value is to be read: the cell's own variable, or the name as other cells see it. They
 * part when another cell assigns to the name.
 */
export type ValueSource = "local" | "slot";

export interface ValueFacts {
  readonly notebook: Notebook;
  readonly owners: ReadonlyMap<string, number>;
  readonly changes: ReadonlyMap<string, readonly Change[]>;
  /** Whether a cell's own variable and the name as other cells see it hold the same now. */
  readonly same: (binding: BindingId) => boolean;
}

/** Decides where each captured value is to be read, and refuses what has two values at once. */
export function findValueSources(
  { kept }: Captured,
  facts: ValueFacts,
): ReadonlyMap<Kept, ValueSource> {
  const sources = new Map<Kept, ValueSource>();
  for (const one of kept.values()) {
    if (one.capture === "model") checkModel(one);
    checkPublished(one, kept, facts);
    if (one.capture === "source") checkHeld(one, facts);
    if (one.capture === "value" || one.capture === "model") sources.set(one, sourceOf(one, facts));
  }
  return sources;
}

/** Whether captured code assigns to a variable, so that the program must declare it with `let`. */
export function isAssigned({ uses }: Kept): boolean {
  return uses.some(({ reference }) => reference.write);
}

function sourceOf(one: Kept, { notebook, owners, changes, same }: ValueFacts): ValueSource {
  const { name, cell, uses } = one;
  const own = uses.filter((use) => use.cell === cell);
  const foreign = uses.filter((use) => use.cell !== cell);
  const writer = foreign.find(({ reference }) => reference.write);
  if (writer !== undefined && own.length > 0) {
    refuse(
      `A function of cell [${writer.cell.number}] assigns to \`${name}\`, but the functions of cell [${cell.number}], which declares it, keep the value that they had.`,
      { hint: `Move what reads and assigns \`${name}\` into one cell.` },
    );
  }
  if (foreign.length === 0) return "local";
  if (owners.get(name) !== one.execution) {
    const written = (changes.get(keyOf(one)) ?? []).find(
      (change) => change.reference.write && change.cell !== cell,
    );
    if (written !== undefined) {
      refuse(
        `Cell [${written.cell.number}] assigned to \`${name}\` of cell [${cell.number}], which has been declared again since.`,
        { hint: `Run cell [${foreign[0]!.cell.number}] again.` },
      );
    }
    return "local";
  }
  if (same(one)) return "local";
  const failed = [...notebook.cells.values()].find(
    (other) => other.failed && other.id > cell.id && declares(other, name, "value"),
  );
  if (failed !== undefined) {
    refuse(
      `\`${name}\` of cell [${cell.number}] is empty since cell [${failed.number}] failed before it declared \`${name}\`.`,
      { hint: `Mend cell [${failed.number}], or run cell [${cell.number}] again.` },
    );
  }
  if (own.length > 0) {
    refuse(
      `\`${name}\` holds two values: one in the functions of cell [${cell.number}], which declares it, and another in all other cells, since one of them assigned to it.`,
      { hint: `Give the assigned value a name of its own, or run cell [${cell.number}] again.` },
    );
  }
  return "slot";
}

/**
 * Assigning to a variable of a cell also publishes it, under a name that may belong to a later cell
 * by now. A program has no such second way to its variables.
 */
function checkPublished(one: Kept, kept: Captured["kept"], { owners }: ValueFacts): void {
  const { name, cell } = one;
  const owner = owners.get(name);
  if (owner === undefined || owner === one.execution) return;
  const writer = one.uses.find((use) => use.cell === cell && use.reference.write);
  const other = kept.get(keyOf({ execution: owner, name }));
  const reader = other?.uses.find((use) => use.cell !== other.cell);
  if (writer === undefined || other === undefined || reader === undefined) return;
  refuse(
    `A function of cell [${cell.number}] assigns to the \`${name}\` of its cell, and thereby to the \`${name}\` that cell [${other.cell.number}] declared later and cell [${reader.cell.number}] uses.`,
    { hint: `Give one of the two a name of its own, or run cell [${cell.number}] again.` },
  );
}

/** What other cells see under the name must be what the declaration made. */
function checkHeld(one: Kept, { owners, same }: ValueFacts): void {
  const { name, cell, uses } = one;
  const use = uses.find((use) => use.cell !== cell && !use.cell.atOnce.has(use.reference.unit));
  if (use === undefined || owners.get(name) !== one.execution || same(one)) return;
  refuse(
    `\`${name}\` no longer holds what cell [${cell.number}] declared, for the function of cell [${use.cell.number}] that uses it.`,
    { hint: `Run cell [${cell.number}] again.` },
  );
}

function checkModel({ name, uses }: Kept): void {
  const use = uses.find(({ cell, reference }) => !cell.atOnce.has(reference.unit));
  if (use === undefined) return;
  refuse(`A function of cell [${use.cell.number}] uses the model \`${name}\` directly.`, {
    hint: `Give \`${name}\` to the service with \`.models()\` and take it from the \`models\` of the handler.`,
  });
}
