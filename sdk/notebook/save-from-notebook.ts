import { findNotebookHost, type NotebookHost } from "../core/cell-record.js";
import { EkibenError } from "../core/errors.js";
import { buildBundle, type BuiltBundle } from "../bundle/build-bundle.js";
import { packageOf } from "../bundle/packages.js";
import type { Sample } from "../bundle/sample.js";
import { printValues } from "../bundle/values.js";
import { verifyBundle } from "../bundle/verify.js";
import { deployment } from "../deploy/deployment.js";
import { spawnServer } from "../server/spawn-server.js";
import type { CaptureLine, SavedBundle, SaveOptions } from "../service/faces.js";
import type { Service } from "../service/infer.js";
import type { BindingId } from "../slicing/notebook.js";
import { sliceNotebook, type NotebookSlice } from "../slicing/slice-notebook.js";
import { findStoreDirectory } from "../store/local-store.js";
import { toBundleCard } from "./cards.js";
import { createClassify, createLiveValues, type LiveValues } from "./classify-value.js";
import { display, findSurface } from "./display.js";
import type { Target } from "./inline-call.js";
import type { RecordedCall } from "./samples.js";

export interface SaveFacts {
  calls: readonly RecordedCall[];
  /** The service as it runs in this process. */
  target: Target;
}

/**
 * Saves a service from the cells that declare it. The bundle is verified in a fresh process before it
 * is in the store.
 * @throws NOTEBOOK_REQUIRED, CAPTURE_FAILED, BUILD_FAILED, BUNDLE_VERIFY_FAILED
 */
export async function saveFromNotebook(
  service: Service,
  options: SaveOptions,
  { calls, target }: SaveFacts,
): Promise<SavedBundle> {
  const host = findNotebookHost() ?? refuseSurface();
  const live = createLiveValues(host);
  const owners = findOwners(host);
  const slice = sliceNotebook({
    cells: host.cells,
    owners,
    entry: findEntry(service, host, owners),
    classify: createClassify(live),
    same: (binding) => Object.is(live.read(binding), host.read(binding.name)),
  });
  const samples = await answerCalls(service, calls, target);
  let verified: number | undefined;
  const built = await buildBundle(
    {
      definition: service.definition,
      entryCode: slice.program.code,
      resolveDirectory: host.directory,
      virtualFiles: printValueFiles(slice, live, host),
      files: { "src/service.ts.map": slice.program.map },
      samples,
      labels: options.labels ?? {},
      modelDescriptions: Object.fromEntries(
        Array.from(target.runtime.models, ([name, model]) => [name, model.describe()]),
      ),
      reasons: listReasons(slice),
      provenance: { source: "notebook", kernel: host.kernel },
    },
    {
      deployment,
      store: options.store ?? findStoreDirectory(),
      // Before the bundle gets its name: one that answers otherwise never is in the store.
      async check(directory) {
        if (options.verify === false) return;
        verified = (await verifyBundle(directory, { start: spawnServer })).length;
      },
      ...(options.version === undefined ? {} : { version: options.version }),
    },
  );
  const { name, version, digest, directory } = built;
  const saved: SavedBundle = {
    name,
    version,
    tag: `${name}:${version}`,
    digest,
    directory,
    report: toReport(slice, built),
    verified,
  };
  display(toBundleCard(saved));
  return saved;
}

function refuseSurface(): never {
  const inTslab = findSurface() === "tslab";
  throw new EkibenError("NOTEBOOK_REQUIRED", {
    detail: inTslab
      ? "The plain tslab kernel does not record its cells, so a service cannot be saved from them."
      : "save() takes the code of a service from the cells of a notebook, and this is none.",
    hint: inTslab
      ? 'Run `npx ekiben kernel install`, then choose the kernel "ekiben (TypeScript)".'
      : "Outside of a notebook run `npx ekiben build service.ts`.",
  });
}

/** Also knows what the running cell has declared so far. */
function findOwners(host: NotebookHost): Map<string, number> {
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
function findEntry(
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

/** What the captured variables hold, beside the program that reads it. */
function printValueFiles(
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
      value.from === "slot" ? host.read(value.name) : live.read(value),
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

/** The answers that the service gives now, also for calls that an earlier definition answered. */
async function answerCalls(
  { definition }: Service,
  calls: readonly RecordedCall[],
  { app }: Target,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const { name, route, input, example } of Object.values(definition.apis)) {
    const sent = calls.filter((call) => call.api === name);
    const requests =
      sent.length > 0 || example === undefined ? sent : [{ api: name, ...input.encode(example) }];
    for (const { bytes, mediaType } of requests) {
      const response = await app.request(`/${route}`, {
        method: "POST",
        headers: { "content-type": mediaType },
        body: bytes as Uint8Array<ArrayBuffer>,
      });
      const text = await response.text();
      // Made for an input that the service does not take any more, or one that it fails on.
      if (!response.ok) continue;
      samples.push({
        api: name,
        route,
        request: { mediaType, bytes },
        answer: { status: response.status, json: JSON.parse(text) as unknown },
      });
    }
  }
  return samples;
}

function listReasons({ imports }: NotebookSlice): Record<string, string> {
  const cells = new Map<string, number[]>();
  for (const { specifier, cell, typeOnly } of imports) {
    const name = packageOf(specifier);
    if (name === undefined || typeOnly) continue;
    cells.set(name, [...(cells.get(name) ?? []), cell]);
  }
  return Object.fromEntries(
    Array.from(cells, ([name, numbers]) => [
      name,
      `cell ${[...new Set(numbers)].map((number) => `[${number}]`).join(", ")} imports it`,
    ]),
  );
}

function toReport({ report }: NotebookSlice, built: BuiltBundle): CaptureLine[] {
  const { models, dependencies } = built.manifest;
  return [
    ...report
      .filter(({ name, kind }) => kind !== "left" || !isOwnCall(name))
      .map(({ name, kind, cell, reason }) => ({ name, kind, cell, note: reason })),
    ...models.map(({ name, kind, files }) => ({
      name,
      kind: "model",
      note: `${kind}, ${files.map(({ path, size }) => `${path} (${size} bytes)`).join(", ")}`,
    })),
    ...dependencies.map(({ name, version, reason }) => ({
      name,
      kind: "package",
      note: `${version}, because ${reason}`,
    })),
    ...(built.existing
      ? [
          {
            name: built.version,
            kind: "same",
            note: "nothing has changed since this bundle was saved",
          },
        ]
      : []),
    ...built.notes.map((note) => ({ name: "", kind: "note", note })),
  ];
}

/** Calls of a service and names written down to be seen are left behind in every notebook. */
function isOwnCall(statement: string): boolean {
  return (
    /^[\w$.[\]]+;?$/.test(statement) ||
    /\.(?:call\.\w+|startDevServer|stopDevServer|save)\(/.test(statement)
  );
}
