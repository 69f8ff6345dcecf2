import { captureFrom, type Captured, type Kept } from "./capture.js";
import { checkRuns } from "./check-runs.js";
import { findValueSources, type ValueSource } from "./check-values.js";
import { chooseNames } from "./choose-names.js";
import type { Classify } from "./classify.js";
import { findChanges } from "./find-changes.js";
import { findEffects } from "./find-effects.js";
import { importOf } from "./imports.js";
import { orderItems } from "./items.js";
import {
  type BindingId,
  declares,
  keyOf,
  type Notebook,
  readNotebook,
  type RecordedCell,
} from "./notebook.js";
import { type Program, printProgram } from "./print-program.js";
import { refuse } from "./refuse.js";
import { type CaptureReportLine, toReport } from "./report.js";
import { createNameResolver } from "./resolve-names.js";

export interface SliceOptions {
  /** All executions so far, oldest first. */
  readonly cells: readonly RecordedCell[];
  /** Which execution each name belongs to now. */
  readonly owners: ReadonlyMap<string, number>;
  /** The variable that holds the service. */
  readonly entry: BindingId;
  /** Says how to capture a variable; it is asked once for each that the service needs. */
  readonly classify: Classify;
  /** Whether a cell's own variable and the name as other cells see it hold the same now. */
  readonly same: (binding: BindingId) => boolean;
  /** Whether Node has a global of that name. @default a look at `globalThis` */
  readonly isGlobal?: (name: string) => boolean;
}

/** A module that the program imports. */
export interface CapturedImport {
  readonly specifier: string;
  /** The number of the importing cell in `[ ]`. */
  readonly cell: number;
  readonly execution: number;
  /** The exported names that are needed, `default` and `*` among them; empty for `import()`. */
  readonly names: readonly string[];
  /** Only types need it, so nothing of it is left when the program runs. */
  readonly typeOnly: boolean;
  /** Imported by `import()` while the program runs. */
  readonly dynamic: boolean;
}

/** A variable whose value has to be saved beside the program. */
export interface CapturedValue extends BindingId {
  /** Its key in what `reviveValues` answers. */
  readonly key: string;
  readonly cell: number;
  /** Where to read it: the variable of the execution, or the name as all cells see it. */
  readonly from: ValueSource;
  /** `model`: it holds a model, and what stands for the model is to be saved. */
  readonly kind: "value" | "model";
}

/** A class that saved values have instances of, by the name that `reviveValues` gets it under. */
export interface CapturedClass extends BindingId {
  readonly key: string;
}

export interface NotebookSlice {
  readonly program: Program;
  readonly imports: readonly CapturedImport[];
  readonly values: readonly CapturedValue[];
  readonly classes: readonly CapturedClass[];
  readonly report: readonly CaptureReportLine[];
}

/**
 * Makes the program of one service from the cells of a notebook. When there are `values`, the
 * program imports `reviveValues` from `./values.js` and calls it once, with the `classes` by their
 * keys; the answer must hold every value under its key.
 * @throws CAPTURE_FAILED naming the variable, its cell and what to do.
 */
export function sliceNotebook(options: SliceOptions): NotebookSlice {
  const { entry, classify, same } = options;
  const isGlobal = options.isGlobal ?? ((name: string) => name in globalThis);
  const notebook = readNotebook(options.cells);
  const owners = findOwners(notebook, options.owners);
  const resolver = createNameResolver(notebook, owners, isGlobal);
  const changes = findChanges(notebook, resolver);
  const captured = captureFrom(entry, { notebook, resolver, changes, classify });
  checkModules(notebook, captured);
  const needs = checkRuns(captured, { notebook, resolver, changes });
  const sources = findValueSources(captured, { notebook, owners, changes, same });
  const items = orderItems(captured, needs);
  const names = chooseNames(captured, notebook, owners);
  const program = printProgram(captured.kept.get(keyOf(entry))!, items, captured, names);

  const key = (one: Kept): string => names.of.get(one)!;
  const values = [...sources].map(([one, from]): CapturedValue => ({
    key: key(one),
    execution: one.execution,
    name: one.name,
    cell: one.cell.number,
    from,
    kind: one.capture === "model" ? "model" : "value",
  }));
  const classes = items
    .flatMap((item) => (item.kind === "revive" ? item.classes : []))
    .map((one) => ({ key: key(one), execution: one.execution, name: one.name }));
  const report = toReport(captured, findEffects(notebook, resolver, captured));
  return { program, imports: listImports(captured), values, classes, report };
}

/** A kernel may record what a cell owns when it ends, but its names are its own as it begins. */
function findOwners(
  { cells }: Notebook,
  recorded: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const owners = new Map(recorded);
  for (const cell of cells.values()) {
    if (!cell.running) continue;
    for (const name of cell.declarations.keys()) {
      if (declares(cell, name, "value")) owners.set(name, cell.id);
    }
  }
  return owners;
}

function listImports({ kept, dynamicImports }: Captured): CapturedImport[] {
  const found = new Map<string, CapturedImport & { names: string[] }>();
  for (const one of kept.values()) {
    const from = importOf(one);
    if (from === undefined) continue;
    const { specifier, typeOnly, imported } = from;
    const id = JSON.stringify([specifier, one.execution, typeOnly]);
    const known = found.get(id);
    if (known !== undefined) known.names.push(imported);
    else {
      found.set(id, {
        specifier,
        cell: one.cell.number,
        execution: one.execution,
        names: [imported],
        typeOnly,
        dynamic: false,
      });
    }
  }
  for (const { cell, specifier } of dynamicImports) {
    if (specifier === undefined) continue;
    const id = JSON.stringify([specifier, cell.id, "dynamic"]);
    const { id: execution, number } = cell;
    found.set(id, {
      specifier,
      cell: number,
      execution,
      names: [],
      typeOnly: false,
      dynamic: true,
    });
  }
  return [...found.values()].sort((a, b) => a.execution - b.execution);
}

/** A cell with `@module` is a file for the kernel only. */
function checkModules({ modules }: Notebook, { kept, dynamicImports }: Captured): void {
  const specifiers = [
    ...[...kept.values()].flatMap((one) => importOf(one)?.specifier ?? []),
    ...dynamicImports.flatMap(({ specifier }) => specifier ?? []),
  ];
  for (const specifier of specifiers) {
    const name = /^\.\/(.*?)(\.[jt]sx?)?$/.exec(specifier)?.[1];
    const found = name === undefined ? undefined : modules.get(name);
    if (found === undefined) continue;
    refuse(`${JSON.stringify(specifier)} is cell [${found.number}], which has \`@module\`.`, {
      hint: `Save cell [${found.number}] as the file ${name}.ts beside the notebook.`,
    });
  }
}
