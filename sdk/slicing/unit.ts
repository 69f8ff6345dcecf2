import type { Local } from "./scope.js";

/**
 * Code that runs together: the top level of a cell, or the body of one function with the default
 * values of its parameters. Static blocks, static fields, heritage, decorators and computed keys
 * belong to the code around their class; each instance field is a function of its own.
 */
export interface Unit {
  readonly parent?: Unit;
  readonly start: number;
  readonly end: number;
  /** The functions inside that run as this code runs, once and at once: `(() => { … })()`. */
  readonly immediate: Set<Unit>;
  /** The functions inside that run with this code and perhaps later again: `rows.map((row) => …)`. */
  readonly inline: Set<Unit>;
  /** The variables inside that this code calls. */
  readonly calledLocals: Set<Local>;
  /** The functions, itself or inside of it, that call what it gets as an argument. */
  readonly parameterCallers: Set<Unit>;
  /** Variables of an enclosing function that this code changes. */
  readonly changes: Set<Local>;
}

export function createUnit(start: number, end: number, parent?: Unit): Unit {
  return {
    parent,
    start,
    end,
    immediate: new Set(),
    inline: new Set(),
    calledLocals: new Set(),
    parameterCallers: new Set(),
    changes: new Set(),
  };
}

/** The code that runs exactly when `unit` runs, itself included. */
export function unitsAtOnce(unit: Unit, found: Set<Unit> = new Set()): Set<Unit> {
  if (found.has(unit)) return found;
  found.add(unit);
  for (const inner of unit.immediate) unitsAtOnce(inner, found);
  return found;
}

/** All code that running `unit` may run without leaving its cell, itself included. */
export function unitsRunBy(unit: Unit, found: Set<Unit> = new Set()): Set<Unit> {
  if (found.has(unit)) return found;
  found.add(unit);
  for (const inner of unit.immediate) unitsRunBy(inner, found);
  for (const inner of unit.inline) unitsRunBy(inner, found);
  for (const local of unit.calledLocals) {
    for (const inner of local.units) unitsRunBy(inner, found);
  }
  return found;
}

/** Whether running `unit` calls what it gets as an argument before it returns. */
export function callsParameter(unit: Unit): boolean {
  return [...unitsRunBy(unit)].some((inner) => unit.parameterCallers.has(inner));
}

/** Whether `inner` is `outer` or stands inside of it. */
export function isWithin(inner: Unit, outer: Unit): boolean {
  for (let at: Unit | undefined = inner; at !== undefined; at = at.parent) {
    if (at === outer) return true;
  }
  return false;
}
