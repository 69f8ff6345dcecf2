import { findNotebookHost, type DisplayData } from "../core/cell-record.js";
import { findPlainTslab } from "../core/plain-tslab.js";

/** Where this process shows things: under a cell, or on the terminal. */
export type Surface = "ekiben-kernel" | "tslab" | "terminal";

export function findSurface(): Surface {
  if (findNotebookHost() !== undefined) return "ekiben-kernel";
  return findPlainTslab() === undefined ? "terminal" : "tslab";
}

/** Shows something under the running cell, or its text on the terminal. */
export function display(data: DisplayData & { "text/plain": string }): void {
  const host = findNotebookHost();
  if (host !== undefined) return host.display(data);
  const tslab = findPlainTslab();
  const html = data["text/html"];
  if (tslab !== undefined && html !== undefined) return tslab.require("tslab").display.html(html);
  process.stdout.write(`${data["text/plain"]}\n`);
}
