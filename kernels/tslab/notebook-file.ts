import { readFile, rename, writeFile } from "node:fs/promises";
import { EkibenError } from "ekiben";
import type { CellOutput, MimeBundle } from "./outputs.js";

/** A cell as nbformat 4 has it; what is not named here is kept as it is. */
export interface NotebookCell {
  cell_type: string;
  source: string | string[];
  metadata?: { tags?: string[]; [key: string]: unknown };
  id?: string;
  outputs?: unknown[];
  execution_count?: number | null;
  [key: string]: unknown;
}

/** https://nbformat.readthedocs.io/en/latest/format_description.html */
export interface Notebook {
  nbformat: number;
  nbformat_minor: number;
  metadata: Record<string, unknown>;
  cells: NotebookCell[];
}

/** @throws EkibenError COMMAND_INVALID when the file is not a notebook of nbformat 4. */
export async function loadNotebook(file: string): Promise<Notebook> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw toInvalid(file, "cannot be read", cause);
  }
  let notebook: Partial<Notebook> | null;
  try {
    notebook = JSON.parse(text) as Partial<Notebook> | null;
  } catch (cause) {
    throw toInvalid(file, "is not JSON", cause);
  }
  if (!Array.isArray(notebook?.cells) || typeof notebook.nbformat !== "number") {
    throw toInvalid(file, "has no cells and no nbformat");
  }
  if (notebook.nbformat !== 4) throw toInvalid(file, `is of nbformat ${notebook.nbformat}`);
  return { nbformat_minor: 0, metadata: {}, ...notebook } as Notebook;
}

function toInvalid(file: string, what: string, cause?: unknown): EkibenError {
  return new EkibenError("COMMAND_INVALID", {
    detail: `${file} ${what}.`,
    hint: "Give the path of a Jupyter notebook of nbformat 4 (.ipynb).",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Writes aside and renames, so that a notebook is never left half written. */
export async function saveNotebook(file: string, notebook: Notebook): Promise<void> {
  const aside = `${file}.${process.pid}.tmp`;
  await writeFile(aside, `${JSON.stringify(notebook, null, 1)}\n`);
  await rename(aside, file);
}

/**
 * Makes the notebook one of nbformat 4.5, in which every cell has an id. The ids count, so that the
 * same notebook gets the same ones.
 */
export function upgradeNotebook(notebook: Notebook): void {
  if (notebook.nbformat_minor < 5) notebook.nbformat_minor = 5;
  const taken = new Set(notebook.cells.map((cell) => cell.id));
  for (const [index, cell] of notebook.cells.entries()) {
    cell.metadata ??= {};
    if (cell.id !== undefined) continue;
    let id = `cell-${index + 1}`;
    while (taken.has(id)) id += "-";
    taken.add(id);
    cell.id = id;
  }
}

export function toSource(cell: NotebookCell): string {
  return Array.isArray(cell.source) ? cell.source.join("") : cell.source;
}

/** An output in the form of the file, in which a text is a list of its lines. */
export function toFileOutput(output: CellOutput): unknown {
  if (output.output_type === "stream") return { ...output, text: toLines(output.text) };
  if (output.output_type === "error") return output;
  return { ...output, data: toFileData(output.data) };
}

function toFileData(data: MimeBundle): MimeBundle {
  return Object.fromEntries(
    Object.entries(data).map(([type, value]) => {
      const isText = /^text\/|^image\/svg\+xml$|^application\/javascript$/u.test(type);
      return [type, isText && typeof value === "string" ? toLines(value) : value];
    }),
  );
}

function toLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/gu) ?? [];
}
