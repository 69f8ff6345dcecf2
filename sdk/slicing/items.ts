import type { Captured, Kept } from "./capture.js";
import type { Needs } from "./check-runs.js";
import { type Declaration, declaresType, declaresValue } from "./find-declarations.js";
import { type Cell, keyOf } from "./notebook.js";
import { refuse } from "./refuse.js";

/**
 * One thing to print. `source`: a declaration as its author wrote it. `value`: a variable that
 * takes its value from the saved ones. `outline`: a name that only types mention. `revive`: the
 * saved values are read, with the classes of their instances.
 */
export type Item =
  | { readonly kind: "source"; readonly cell: Cell; readonly declaration: Declaration }
  | { readonly kind: "value" | "outline"; readonly cell: Cell; readonly kept: Kept }
  | { readonly kind: "revive"; readonly classes: readonly Kept[] };

/**
 * Puts what is kept into an order in which it can be evaluated: the order in which the kernel
 * executed it, except that the classes of saved instances come before the saved values.
 */
export function orderItems({ kept }: Captured, needs: Needs): Item[] {
  const items: Item[] = [];
  const itemsOf = new Map<string, Item[]>();
  const bySource = new Map<Declaration, Item>();
  const add = (one: Kept, item: Item): void => {
    items.push(item);
    itemsOf.set(keyOf(one), [...(itemsOf.get(keyOf(one)) ?? []), item]);
  };

  for (const one of kept.values()) {
    const { cell } = one;
    if (one.capture === "value" || one.capture === "model") {
      add(one, { kind: "value", cell, kept: one });
    }
    let outline = one.typeofs && one.capture === undefined;
    for (const declaration of cell.declarations.get(one.name)!) {
      if (declaration.kind === "import") {
        outline = false;
        continue;
      }
      const wanted =
        (one.capture === "source" && declaresValue(declaration)) ||
        (one.types && declaresType(declaration) && declaration.kind !== "class");
      if (!wanted) {
        outline ||= one.types && declaration.kind === "class";
        continue;
      }
      const known = bySource.get(declaration);
      if (known !== undefined) itemsOf.set(keyOf(one), [...(itemsOf.get(keyOf(one)) ?? []), known]);
      else {
        const item: Item = { kind: "source", cell, declaration };
        bySource.set(declaration, item);
        add(one, item);
      }
    }
    if (outline) add(one, { kind: "outline", cell, kept: one });
  }

  const values = items.filter((item) => item.kind === "value");
  const classes = findClasses(kept);
  const revive: Item = { kind: "revive", classes };
  const needsOf = (item: Item): Item[] => {
    if (item.kind === "revive") return classes.flatMap((one) => itemsOf.get(keyOf(one)) ?? []);
    if (item.kind === "value") return [revive];
    if (item.kind !== "source") return [];
    return [...(needs.get(item.declaration) ?? [])]
      .flatMap((key) => itemsOf.get(key) ?? [])
      .filter((needed) => comparePlaces(needed, item) < 0);
  };
  items.sort(comparePlaces);
  return sortByNeeds(values.length === 0 ? items : [revive, ...items], needsOf);
}

function findClasses(kept: ReadonlyMap<string, Kept>): Kept[] {
  const found = new Map<string, Kept>();
  for (const one of kept.values()) {
    for (const made of one.classes) found.set(keyOf(made), kept.get(keyOf(made))!);
  }
  return [...found.values()].sort((a, b) => a.execution - b.execution);
}

/** Each item after what it needs, otherwise in the given order. */
function sortByNeeds(items: readonly Item[], needsOf: (item: Item) => Item[]): Item[] {
  const sorted = new Set<Item>();
  const open = new Set<Item>();
  const place = (item: Item): void => {
    if (sorted.has(item)) return;
    if (open.has(item)) refuseCircle([...open]);
    open.add(item);
    for (const needed of needsOf(item)) place(needed);
    open.delete(item);
    sorted.add(item);
  };
  for (const item of items) {
    // With classes, the saved values are read as late as the first variable that takes one: the
    // classes then stay among their own cells.
    if (item.kind !== "revive" || item.classes.length === 0) place(item);
  }
  return [...sorted];
}

function refuseCircle(open: readonly Item[]): never {
  const classes = open.flatMap((item) => (item.kind === "revive" ? item.classes : []));
  const value = open.find((item) => item.kind === "value");
  const names = classes.map(({ name, cell }) => `\`${name}\` of cell [${cell.number}]`).join(", ");
  refuse(
    `Captured values are instances of ${names}, which needs the captured value ${
      value?.kind === "value" ? `\`${value.kept.name}\` ` : ""
    }while it is declared.`,
    { hint: "Read that value in a method of the class instead of in a static member." },
  );
}

export function placeOfItem(item: Exclude<Item, { kind: "revive" }>): number {
  if (item.kind === "source") return item.declaration.node.start;
  const declaration = item.kept.cell.declarations.get(item.kept.name)![0]!;
  return declaration.names.find(({ name }) => name === item.kept.name)!.start;
}

function comparePlaces(a: Item, b: Item): number {
  if (a.kind === "revive" || b.kind === "revive") return 0;
  return a.cell.id - b.cell.id || placeOfItem(a) - placeOfItem(b);
}
