import type { Comment, Node } from "oxc-parser";
import type { CellRecord } from "../core/cell-record.js";
import {
  type Declaration,
  declaresType,
  declaresValue,
  findDeclarations,
  innerStatement,
} from "./find-declarations.js";
import { findReferences, type Reference, type References, type Space } from "./find-references.js";
import { findDirective, parseCell } from "./parse-cell.js";
import { type Unit, unitsAtOnce } from "./unit.js";

/** What slicing needs of the record of a cell. */
export type RecordedCell = Pick<
  CellRecord,
  "id" | "executionCount" | "source" | "status" | "ownersBefore"
>;

/** A variable of the notebook: a name and the execution that declared it. */
export interface BindingId {
  readonly execution: number;
  readonly name: string;
}

/** One execution of a cell, read. */
export interface Cell extends References {
  readonly id: number;
  /** The number in `[ ]`. */
  readonly number: number;
  readonly source: string;
  /** It threw half-way: some of its names may never have got a value. */
  readonly failed: boolean;
  readonly running: boolean;
  /** The kernel ran it, but its text cannot be read here. */
  readonly unreadable: boolean;
  readonly ownersBefore: ReadonlyMap<string, number>;
  readonly statements: readonly Node[];
  readonly comments: readonly Comment[];
  readonly declarations: ReadonlyMap<string, readonly Declaration[]>;
  /** The code of the top level that runs once, in the order of the text. */
  readonly atOnce: ReadonlySet<Unit>;
  readonly referencesOf: ReadonlyMap<Unit, readonly Reference[]>;
}

/** The executed cells of a notebook. What did not compile is not among them. */
export interface Notebook {
  readonly cells: ReadonlyMap<number, Cell>;
  /** Cells that are files for other cells to import, by their name. */
  readonly modules: ReadonlyMap<string, { readonly number: number }>;
}

export function readNotebook(records: readonly RecordedCell[]): Notebook {
  const cells = new Map<number, Cell>();
  const modules = new Map<string, { number: number }>();
  for (const record of records) {
    if (record.status === "rejected") continue;
    const parsed = parseCell(record.source);
    const directive = parsed && findDirective(parsed);
    if (directive?.kind === "module")
      modules.set(directive.name!, { number: record.executionCount });
    if (directive !== undefined) continue;
    cells.set(record.id, readCell(record, parsed));
  }
  return { cells, modules };
}

function readCell(record: RecordedCell, parsed: ReturnType<typeof parseCell>): Cell {
  const program = (parsed ?? parseCell(""))!.program;
  const found = findReferences(program);
  const declarations = new Map<string, Declaration[]>();
  for (const declaration of findDeclarations(program)) {
    for (const { name } of declaration.names) {
      const known = declarations.get(name);
      if (known === undefined) declarations.set(name, [declaration]);
      else known.push(declaration);
    }
  }
  const referencesOf = new Map<Unit, Reference[]>(found.units.map((unit) => [unit, []]));
  for (const reference of found.references) referencesOf.get(reference.unit)!.push(reference);
  return {
    ...found,
    id: record.id,
    number: record.executionCount,
    source: record.source,
    failed: record.status === "failed",
    running: record.status === "running",
    unreadable: parsed === undefined,
    ownersBefore: record.ownersBefore,
    statements: program.body.map(innerStatement),
    comments: parsed?.comments ?? [],
    declarations,
    atOnce: unitsAtOnce(found.top),
    referencesOf,
  };
}

export function keyOf({ execution, name }: BindingId): string {
  return `${execution}:${name}`;
}

/** Whether a cell declares a name as a value (`value`, `typeof`) or as a type. */
export function declares(cell: Cell, name: string, space: Space): boolean {
  const test = space === "type" ? declaresType : declaresValue;
  return cell.declarations.get(name)?.some(test) ?? false;
}

/** The statement at the top level of a cell around a place in its text. */
export function statementAt(cell: Cell, place: number): Node | undefined {
  return cell.statements.find(({ start, end }) => start <= place && place < end);
}

/** The line of a place in a text, from 1. */
export function lineOf(source: string, place: number): number {
  let line = 1;
  for (let at = source.indexOf("\n"); at !== -1 && at < place; at = source.indexOf("\n", at + 1)) {
    line++;
  }
  return line;
}

/** Whether a place in a text is within a range of it. */
export function standsIn(place: { start: number }, range: { start: number; end: number }): boolean {
  return range.start <= place.start && place.start < range.end;
}
