import { findNotebookHost, type NotebookHost } from "../core/cell-record.js";
import { EkibenError } from "../core/errors.js";
import { buildBundle, type BuiltBundle } from "../bundle/build-bundle.js";
import { packageOf } from "../bundle/packages.js";
import type { Sample } from "../bundle/sample.js";
import { verifyBundle, type VerifyResult } from "../bundle/verify.js";
import { deployment } from "../deploy/deployment.js";
import { spawnServer } from "../server/spawn-server.js";
import type {
  CaptureLine,
  LoggedBundle,
  MlflowLogOptions,
  SavedBundle,
  SaveOptions,
} from "../service/faces.js";
import type { Service } from "../service/infer.js";
import { sliceNotebook, type NotebookSlice } from "../slicing/slice-notebook.js";
import { findStoreDirectory } from "../store/directory.js";
import { toBundleCard } from "./cards.js";
import { createClassify, createLiveValues } from "./classify-value.js";
import { answerCalls } from "./answer-calls.js";
import { findEntry, findOwners } from "./find-entry.js";
import { printValueFiles } from "./value-files.js";
import { withSummary } from "../core/with-summary.js";
import { findSecretForm } from "./secrets.js";
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
    classify: createClassify(live, options.allowSecrets),
    same: (binding) => Object.is(live.read(binding), host.read(binding.name)),
  });
  if (options.allowSecrets !== true) {
    refuseSecretSource(withoutTexts(slice.program.code, options.allowSecrets || [], host));
  }
  const answered = await answerCalls(service, calls, target);
  const samples = answered.map(({ sample }) => sample);
  let results: VerifyResult[] | undefined;
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
      modelFiles: target.runtime.files,
      reasons: listReasons(slice),
      provenance: { source: "notebook", kernel: host.kernel },
    },
    {
      deployment,
      store: options.store ?? findStoreDirectory(),
      // Before the bundle gets its name: one that answers otherwise never is in the store.
      async check(directory) {
        if (options.verify === false) return;
        results = await verifyBundle(directory, {
          start: spawnServer,
          headersOf: ({ api, request }) =>
            answered.find(({ sample }) => isSameSample(sample, { api, request }))?.headers ?? {},
        });
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
    report: toReport(slice, built, results),
    verified: results?.filter(({ skipped }) => skipped === undefined).length,
  };
  const logged = options.mlflow === undefined ? undefined : await log(saved, options.mlflow);
  const shown = logged === undefined ? saved : withLogged(saved, logged);
  display(toBundleCard(shown));
  return withSummary(shown, `SavedBundle ${shown.tag}`);
}

/** Source without what the variables of these names hold, as it stands between quotes. */
function withoutTexts(code: string, names: readonly string[], host: NotebookHost): string {
  return names.reduce((rest, name) => {
    const value = host.owners.has(name) ? host.read(name) : undefined;
    if (typeof value !== "string" || value === "") return rest;
    return rest.replaceAll(value, "").replaceAll(JSON.stringify(value).slice(1, -1), "");
  }, code);
}

/** A secret that is written within a function has no variable that could be asked about. */
function refuseSecretSource(code: string): void {
  const form = findSecretForm(code);
  if (form === undefined) return;
  throw new EkibenError("CAPTURE_FAILED", {
    detail: `The cells of the service hold ${form}, which would be saved with their source.`,
    hint: "Read it from the environment where the service runs: process.env.NAME. If it is no secret, save({ allowSecrets: true }).",
  });
}

/** The bundle is in the store by now, whatever comes of its being logged. */
async function log(saved: SavedBundle, options: MlflowLogOptions): Promise<LoggedBundle> {
  try {
    return await (await import("../mlflow/log-bundle.js")).logBundle(saved, options);
  } catch (error) {
    display(toBundleCard(saved));
    throw error;
  }
}

function withLogged(saved: SavedBundle, logged: LoggedBundle): SavedBundle {
  const { model, runId } = logged;
  const name = model === undefined ? runId : `${model.name} version ${model.version}`;
  const line = { name, kind: "mlflow", note: `${logged.artifactUri}, run ${runId}` };
  return { ...saved, report: [...saved.report, line], mlflow: logged };
}

type Sent = Pick<Sample, "api" | "request">;

/** Whether a sample that was read again is the one that was written. */
function isSameSample(one: Sent, other: Sent): boolean {
  const print = ({ api, request }: Sent): string =>
    JSON.stringify([
      api,
      request.path,
      request.headers,
      Buffer.from(request.body ?? []).toString("base64"),
    ]);
  return print(one) === print(other);
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

function toReport(
  { report }: NotebookSlice,
  built: BuiltBundle,
  results: readonly VerifyResult[] = [],
): CaptureLine[] {
  const { models, dependencies } = built.manifest;
  return [
    ...report
      .filter(({ name, kind }) => kind !== "left" || !isOwnCall(name))
      .map(({ name, kind, cell, reason }) => ({ name: shorten(name), kind, cell, note: reason })),
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
    ...results.flatMap(({ sample, skipped }) =>
      skipped === undefined
        ? []
        : [{ name: sample, kind: "note", note: `not compared: ${skipped}` }],
    ),
  ];
}

/** Calls of a service and names written down to be seen are left behind in every notebook. */
function isOwnCall(statement: string): boolean {
  return (
    /^[\w$.[\]]+;?$/.test(statement) ||
    /\.(?:call\.\w+|startDevServer|stopDevServer|save)\(/.test(statement)
  );
}

const MOST_NAME = 40;

/** A statement that stays behind is named by its text. */
function shorten(name: string): string {
  return name.length > MOST_NAME ? `${name.slice(0, MOST_NAME - 1)}…` : name;
}
