import type { NotebookHost } from "../core/cell-record.js";
import { EkibenError } from "../core/errors.js";
import type { Service } from "../service/infer.js";
import type { BindingId } from "../slicing/notebook.js";

/** Also knows what the running cell has declared so far. */
export function findOwners(host: NotebookHost): Map<string, number> {
  const owners = new Map(host.owners);
  for (const cell of host.cells) {
    if (cell.status !== "running") continue;
    for (const [name, read] of cell.bindings) {
      try {
        if (Object.is(read(), host.read(name))) owners.set(name, cell.id);
      } catch {
        // Not initialised yet.
      }
    }
  }
  return owners;
}

/** The variable that holds the service: one that has the name now before one that had it. */
export function findEntry(
  service: Service,
  host: NotebookHost,
  owners: ReadonlyMap<string, number>,
): BindingId {
  const found: BindingId[] = [];
  for (const cell of [...host.cells].reverse()) {
    for (const [name, read] of cell.bindings) {
      try {
        if (read() === service) found.push({ execution: cell.id, name });
      } catch {
        // Not initialised.
      }
    }
  }
  const current = found.filter(({ execution, name }) => owners.get(name) === execution);
  // A second name for a service, such as `const best = churn`, was declared later.
  const entry = current.at(-1) ?? found.at(-1);
  if (entry !== undefined) return entry;
  throw new EkibenError("CAPTURE_FAILED", {
    detail: `No variable of this notebook holds the service "${service.name}" that is to be saved.`,
    hint: "Give it a name in a cell of its own, such as `const churn = defineService(…)…;`, and save that.",
  });
}
