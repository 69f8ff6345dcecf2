import { printValues } from "../bundle/values.js";
import type { NotebookHost } from "../core/cell-record.js";
import { EkibenError } from "../core/errors.js";
import type { NotebookSlice } from "../slicing/slice-notebook.js";
import type { LiveValues } from "./classify-value.js";

/** What the captured variables hold, beside the program that reads it. */
export function printValueFiles(
  slice: NotebookSlice,
  live: LiveValues,
  host: NotebookHost,
): Record<string, string> {
  if (slice.values.length === 0) return {};
  const taken = slice.imports.find(({ specifier }) =>
    /^\.\/values(\.(js|json|ts))?$/.test(specifier),
  );
  if (taken !== undefined) {
    throw new EkibenError("CAPTURE_FAILED", {
      detail: `Cell [${taken.cell}] imports "${taken.specifier}", but a bundle keeps the values of variables under that name.`,
      hint: "Rename the file.",
    });
  }
  const values = Object.fromEntries(
    slice.values.map((value) => [
      value.key,
      // A bundle has the files of a model, which its definition reads there instead.
      value.kind === "model"
        ? undefined
        : value.from === "slot"
          ? host.read(value.name)
          : live.read(value),
    ]),
  );
  const classes = new Map(slice.classes.map((one) => [live.read(one), one.key]));
  return {
    "values.json": `${printValues(values, classes).text}\n`,
    "values.js": VALUES_MODULE,
  };
}

const VALUES_MODULE = `// Reads what the variables of the notebook held when the service was saved.
import { reviveValues as revive } from "ekiben";
import data from "./values.json";

export const reviveValues = (classes) => revive(data, classes);
`;
