import { dirname, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EkibenError } from "ekiben";
import { createHeadlessKernel, type CellResult, type HeadlessKernel } from "./headless.js";
import {
  loadNotebook,
  saveNotebook,
  toFileOutput,
  toSource,
  upgradeNotebook,
  type Notebook,
  type NotebookCell,
} from "./notebook-file.js";
import type { CellOutput } from "./outputs.js";

export interface RunningCell {
  /** Counts all cells of the notebook from 0. */
  readonly index: number;
  readonly source: string;
}

export interface RunNotebookOptions {
  /** Where the executed notebook is written. */
  output?: string;
  /** Writes it over `file`. @default false */
  inPlace?: boolean;
  /** Milliseconds that a cell may take. @default no limit */
  timeoutMs?: number;
  /** The folder in which the cells run. @default the folder of the notebook */
  cwd?: string;
  env?: Readonly<Record<string, string | undefined>>;
  /** Runs on after a cell that fails. @default false */
  allowErrors?: boolean;
  onCell?: (cell: RunningCell) => void;
  /** Every output as it comes; a stream in pieces. */
  onOutput?: (output: CellOutput, cell: RunningCell) => void;
}

export interface NotebookRun {
  /** The notebook with its outputs. */
  readonly notebook: Notebook;
  /** How many cells of code were run. */
  readonly executed: number;
  /** The cells that failed and were not allowed to by the tag `raises-exception`. */
  readonly failures: readonly CellFailure[];
}

export interface CellFailure extends RunningCell {
  readonly executionCount: number | undefined;
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: readonly string[];
}

const MAY_RAISE = "raises-exception";
const SKIPPED = "skip-execution";
/** How long an interrupted cell may take to end, in milliseconds. */
const INTERRUPT_MS = 2_000;

/**
 * Executes a notebook from its first cell to its last, or to the first that fails, and writes what
 * came of it, also when the kernel ends half-way.
 * @throws EkibenError COMMAND_INVALID, KERNEL_FAILED, DEPENDENCY_MISSING
 */
export async function runNotebook(
  file: string,
  options: RunNotebookOptions = {},
): Promise<NotebookRun> {
  const notebook = await loadNotebook(file);
  upgradeNotebook(notebook);
  const target = options.output ?? (options.inPlace === true ? file : undefined);
  const failures: CellFailure[] = [];
  const outputs = new Map<NotebookCell, CellOutput[]>();
  const kernel = await createHeadlessKernel({
    cwd: resolve(options.cwd ?? dirname(resolve(file))),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  try {
    // What is left in the file must be of this run.
    for (const cell of notebook.cells) {
      if (cell.cell_type === "code") Object.assign(cell, { outputs: [], execution_count: null });
    }
    for (const [index, cell] of notebook.cells.entries()) {
      const source = toSource(cell);
      const tags = cell.metadata?.tags ?? [];
      const runs = cell.cell_type === "code" && source.trim() !== "" && !tags.includes(SKIPPED);
      if (!runs) continue;
      const at = { index, source };
      options.onCell?.(at);
      const collected: CellOutput[] = [];
      outputs.set(cell, collected);
      const result = await runCell(kernel, at, collected, options);
      cell.execution_count = result.executionCount ?? null;
      if (result.status === "ok" || tags.includes(MAY_RAISE)) continue;
      failures.push({
        ...at,
        executionCount: result.executionCount,
        ...(result.error ?? { ename: "Aborted", evalue: "The cell did not run.", traceback: [] }),
      });
      if (options.allowErrors !== true) break;
    }
  } finally {
    await kernel.shutdown();
    // Only now, because a later cell may have changed what an earlier one displays.
    for (const [cell, collected] of outputs) cell.outputs = collected.map(toFileOutput);
    if (target !== undefined) await saveNotebook(target, notebook);
  }
  return { notebook, executed: outputs.size, failures };
}

async function runCell(
  kernel: HeadlessKernel,
  at: RunningCell,
  outputs: CellOutput[],
  options: RunNotebookOptions,
): Promise<CellResult> {
  const { timeoutMs, onOutput } = options;
  const stopped = new AbortController();
  let late = false;
  const watch = async (limitMs: number) => {
    await delay(limitMs, undefined, { signal: stopped.signal });
    late = true;
    await kernel.interrupt();
    await delay(INTERRUPT_MS, undefined, { signal: stopped.signal });
    await kernel.shutdown();
  };
  // Rejects when it is stopped in time, and then nothing is left to do.
  if (timeoutMs !== undefined) watch(timeoutMs).catch(() => undefined);
  try {
    const execution = { outputs, onOutput: (output: CellOutput) => onOutput?.(output, at) };
    const result = await kernel.execute(at.source, execution);
    if (!late) return result;
  } catch (error) {
    if (!late) throw error;
  } finally {
    stopped.abort();
  }
  throw new EkibenError("KERNEL_FAILED", {
    detail: `Cell ${at.index + 1} took longer than ${timeoutMs} ms.`,
    hint: "Allow more time with --timeout, or make the cell do less.",
  });
}
