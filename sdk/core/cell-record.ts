/**
 * The contract between a recording kernel and the SDK. The kernel publishes a `NotebookHost` under
 * `globalThis[NOTEBOOK_HOST]`; the SDK finds it there.
 */
export const NOTEBOOK_HOST = Symbol.for("ekiben.notebook");

/** One execution of a cell. Running a cell again makes a new record. */
export interface CellRecord {
  /** Counts executions from 1, also of cells that failed. */
  readonly id: number;
  /** The number that the notebook shows in `[ ]`. */
  readonly executionCount: number;
  /** The source as it stands in the cell. */
  readonly source: string;
  /**
   * `rejected`: it did not compile, so nothing of it ran. `failed`: it threw half-way, and what ran
   * before stays in effect.
   */
  readonly status: "running" | "ok" | "failed" | "rejected";
  /**
   * The cell's own variables by name: each call reads what the variable holds now, and throws while
   * the variable is not initialised. Imports and types are not among them.
   */
  readonly bindings: ReadonlyMap<string, () => unknown>;
  /**
   * Which execution each name of the notebook belonged to when this cell began to run. Names that
   * were imported belong to the execution that imported them.
   */
  readonly ownersBefore: ReadonlyMap<string, number>;
}

/** Something to show under the running cell, by media type. */
export type DisplayData = Readonly<Record<string, string>>;

/** What a kernel that records its cells offers to the SDK. */
export interface NotebookHost {
  readonly kernel: { readonly name: string; readonly version: string };
  /** The folder in which the notebook runs: relative paths and imports start here. */
  readonly directory: string;
  /** All executions so far, oldest first, the running one included. */
  readonly cells: readonly CellRecord[];
  /** Which execution each name belongs to now. */
  readonly owners: ReadonlyMap<string, number>;
  /** What a name of the notebook means now to a cell that did not declare it. */
  read(name: string): unknown;
  /** @param id What was shown under the same id before is replaced, wherever it stands. */
  display(data: DisplayData, id?: string): void;
  /** The file that an import of the notebook means. */
  resolve(specifier: string): string;
}

/** The recording kernel this process is, or `undefined` outside of one. */
export function findNotebookHost(): NotebookHost | undefined {
  return (globalThis as { [NOTEBOOK_HOST]?: NotebookHost })[NOTEBOOK_HOST];
}
