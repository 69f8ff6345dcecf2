import type { Node } from "oxc-parser";
import type { Declaration } from "./find-declarations.js";
import type { Reference } from "./find-references.js";
import { type BindingId, type Cell, keyOf, type Notebook } from "./notebook.js";
import { type Meaning, type NameResolver, sameMeaning } from "./resolve-names.js";
import { isFunctionNode, rootOf, unwrap } from "./syntax.js";
import { callsParameter, isWithin, type Unit, unitsRunBy } from "./unit.js";

/** A use of a name that ran when a declaration was evaluated. */
export interface RunUse {
  readonly cell: Cell;
  readonly reference: Reference;
  readonly meaning: Meaning;
}

/** What ran when a declaration was evaluated, as far as the text tells. */
export interface Run {
  readonly uses: readonly RunUse[];
  /** A use in a function that ran then, whose name means something else now. */
  readonly stale?: RunUse;
  /** A use of a name that the same cell declared only afterwards, so that it was empty then. */
  readonly early?: RunUse;
  /** A variable inside of a function that ran then and that what it made goes on changing. */
  readonly hidden?: { readonly cell: Cell; readonly name: string };
}

/** Methods of a schema or codec that run the functions it was made with. */
const RUNS_PARTS: ReadonlySet<string> = new Set(
  "parse safeParse parseAsync safeParseAsync decode encode".split(" "),
);

/**
 * Follows the calls that evaluating `declaration` made, through the functions of the notebook.
 * `classesOf` names the classes whose instances a variable holds that is captured by value; it
 * answers `undefined` for every other variable.
 */
export function findRun(
  cell: Cell,
  declaration: Declaration,
  {
    notebook,
    resolver,
    classesOf,
  }: {
    notebook: Notebook;
    resolver: NameResolver;
    classesOf: (binding: BindingId) => readonly BindingId[] | undefined;
  },
): Run {
  const uses: RunUse[] = [];
  let stale: RunUse | undefined;
  let early: RunUse | undefined;
  let hidden: Run["hidden"];
  const seen = new Set<Unit>();

  const runUnit = (from: Cell, unit: Unit, range?: Node): void => {
    for (const running of unitsRunBy(unit)) {
      // The units below the top level are reached on their own when they are within the range.
      if (range !== undefined && !within(running, range) && running !== from.top) continue;
      if (seen.has(running) && running !== from.top) continue;
      seen.add(running);
      for (const reference of from.referencesOf.get(running) ?? []) {
        if (reference.space !== "value") continue;
        if (range !== undefined && running === from.top && !within(reference, range)) continue;
        runReference(from, reference);
      }
      hidden ??= findHidden(from, running);
    }
  };

  const runReference = (from: Cell, reference: Reference): void => {
    const meaning = resolver.whileRunning(from, reference, cell);
    const use = { cell: from, reference, meaning };
    uses.push(use);
    if (!(from === cell && cell.atOnce.has(reference.unit))) {
      if (!sameMeaning(meaning, resolver.now(from, reference))) stale ??= use;
    }
    if (isEarly(use, cell, declaration)) early ??= use;
    if (reference.called === undefined || meaning.kind !== "binding") return;
    const callable = findCallable(meaning.binding, reference);
    for (const [owner, unit] of callable) runUnit(owner, unit);
    if (!callable.some(([, unit]) => callsParameter(unit))) return;
    for (const argument of reference.passed) runArgument(from, argument);
  };

  const runArgument = (from: Cell, argument: Node): void => {
    if (isFunctionNode(argument)) {
      const unit = from.units.find(
        ({ start, end }) => start === argument.start && end === argument.end,
      );
      if (unit !== undefined) runUnit(from, unit);
    } else if (argument.type === "Identifier") {
      const passed = from.references.find(({ start }) => start === argument.start);
      if (passed !== undefined) runReference(from, { ...passed, called: "directly" });
    }
  };

  const following = new Set<string>();
  /** The functions that calling a variable, or a method of what it holds, may run. */
  const findCallable = (binding: BindingId, reference: Reference): [Cell, Unit][] => {
    const key = keyOf(binding);
    if (following.has(key)) return [];
    following.add(key);
    try {
      const classes = classesOf(binding);
      if (classes !== undefined) return classes.flatMap((made) => findCallable(made, reference));
      const owner = notebook.cells.get(binding.execution)!;
      const declarations = owner.declarations.get(binding.name) ?? [];
      return declarations.flatMap((one) => callableOf(owner, one, reference));
    } finally {
      following.delete(key);
    }
  };

  const callableOf = (owner: Cell, one: Declaration, reference: Reference): [Cell, Unit][] => {
    const outer = (range: Node): [Cell, Unit][] =>
      owner.units
        .filter((unit) => within(unit, range) && unit.parent === owner.top)
        .map((unit) => [owner, unit]);
    if (one.kind === "function" || one.kind === "namespace") return outer(one.node);
    if (one.kind === "class") {
      return [...outer(one.node), ...parentsOf(owner, one.node, reference)];
    }
    if (one.node.type !== "VariableDeclarator" || one.node.init === null) return [];
    const init = unwrap(one.node.init);
    if (isFunctionNode(init) || init.type === "ObjectExpression") return outer(init);
    if (init.type === "ClassExpression") {
      return [...outer(init), ...parentsOf(owner, init, reference)];
    }
    if (init.type === "Identifier") return aliased(owner, init, reference);
    const root = rootOf(init.type === "AwaitExpression" ? init.argument : init);
    const made = root.type === "Identifier" ? aliased(owner, root, reference) : [];
    // What a function of the notebook made may run everything that stands in that function.
    const found = made.flatMap(([where, unit]) =>
      where.units
        .filter((inner) => isWithin(inner, unit))
        .map((inner): [Cell, Unit] => [where, inner]),
    );
    const runsParts =
      reference.called === "directly" ||
      isFunctionNode(root) ||
      reference.methods.some((name) => RUNS_PARTS.has(name));
    if (!runsParts) return found;
    const parts = owner.units.filter((unit) => within(unit, init));
    return [...found, ...parts.map((unit): [Cell, Unit] => [owner, unit])];
  };

  const aliased = (owner: Cell, name: Node, reference: Reference): [Cell, Unit][] => {
    const found = owner.references.find(({ start }) => start === name.start);
    if (found === undefined) return [];
    const meaning = resolver.whileRunning(owner, found);
    return meaning.kind === "binding" ? findCallable(meaning.binding, reference) : [];
  };

  const parentsOf = (owner: Cell, node: Node, reference: Reference): [Cell, Unit][] => {
    if (!("superClass" in node) || node.superClass === null) return [];
    const root = rootOf(node.superClass);
    return root.type === "Identifier" ? aliased(owner, root, reference) : [];
  };

  runUnit(cell, cell.top, declaration.node);
  return { uses, stale, early, hidden };
}

function isEarly({ cell: from, meaning }: RunUse, cell: Cell, { node }: Declaration): boolean {
  if (meaning.kind !== "binding" || meaning.binding.execution !== cell.id) return false;
  return (cell.declarations.get(meaning.binding.name) ?? []).some((one) => {
    if (one.typeOnly || one.kind === "import" || one.node.start <= node.start) return false;
    // The functions of a cell are there from its start, but are published where they stand.
    return from !== cell || one.kind !== "function";
  });
}

/** A variable of a function that a function inside of it changes, and that outlives the call. */
function findHidden(cell: Cell, owner: Unit): Run["hidden"] {
  if (owner.parent === undefined) return undefined;
  for (const unit of cell.units) {
    for (const local of unit.changes) {
      if (local.owner === owner && outlives(unit, owner)) return { cell, name: local.name };
    }
  }
  return undefined;
}

/** Whether a function may still be called when the code around it has ended. */
function outlives(unit: Unit, owner: Unit): boolean {
  for (let at: Unit = unit; at !== owner && at.parent !== undefined; at = at.parent) {
    if (!at.parent.immediate.has(at) && !at.parent.inline.has(at)) return true;
  }
  return false;
}

function within(place: { start: number; end?: number }, range: Node): boolean {
  return range.start <= place.start && (place.end ?? place.start) <= range.end;
}
