import { EkibenError } from "../core/errors.js";
import { danfojsWasUsed } from "../frame/danfojs.js";
import { toOpenApi } from "../http/openapi.js";
import { findPackageVersion } from "../http/package-version.js";
import { checkUnchanged, type FileStamp } from "../models/file-stamps.js";
import type { ModelDescription } from "../models/model.js";
import { describeSchema } from "../inputs/describe-schema.js";
import { findLackingColumns } from "../service/lacking-columns.js";
import type { ApiDefinition, ServiceDefinition } from "../service/definition.js";
import { compileService, type CompileInput, type PackageImport } from "./compile.js";
import type { Manifest, ManifestApi, Provenance } from "./manifest.js";
import { findPackage } from "./packages.js";
import { pinDependencies } from "./pin.js";
import { toRecordedAnswers, toSampleFiles, type Sample } from "./sample.js";
import { saveBundle, type ContentModel, type SaveBundleOptions, type SavedBundle } from "./save.js";

/** What a bundle is built from, wherever its service was written. */
export interface BundleSource extends CompileInput {
  definition: ServiceDefinition;
  provenance: Provenance;
  labels?: Readonly<Record<string, string>>;
  samples?: readonly Sample[];
  /** Files to put in beside, by path, such as a map from `src/service.ts` to cells. */
  files?: Readonly<Record<string, string | Uint8Array>>;
  /** What the loaded models tell about themselves, by name. */
  modelDescriptions?: Readonly<Record<string, ModelDescription>>;
  /** The files that those models were loaded from: they must be the same when they are saved. */
  modelFiles?: readonly FileStamp[];
  /** Why a package is needed, by its name. @default the sources that import it */
  reasons?: Readonly<Record<string, string>>;
}

/** What the files for a container are made from. */
export interface DeploymentFacts {
  name: string;
  ekiben: string;
  /** Whether the bundle has `package-lock.json`. */
  locked: boolean;
  /** The files and folders at the top of the bundle, folders with a slash at their end. */
  entries: readonly string[];
}

/** How a bundle says where it can run; the room for that lies above this one. */
export interface Deployment {
  containerFiles(facts: DeploymentFacts): Readonly<Record<string, string>>;
  readme(manifest: Manifest): string;
}

export interface BuildOptions extends SaveBundleOptions {
  deployment: Deployment;
  /** Looks at every source by its path in the bundle before anything is saved; a throw ends it. */
  review?(sources: Readonly<Record<string, string>>): void;
}

export interface BuiltBundle extends SavedBundle {
  /** What the author should know, in sentences. */
  notes: string[];
}

/**
 * Compiles a service, pins its packages and saves all of it as a bundle.
 * @throws BUILD_FAILED, DEPENDENCY_MISSING, MODEL_FILE_MISSING, SCHEMA_UNSUPPORTED, BUNDLE_EXISTS.
 */
export async function buildBundle(
  source: BundleSource,
  options: BuildOptions,
): Promise<BuiltBundle> {
  const { definition } = source;
  const ekiben = findPackageVersion();
  const compiled = await compileService(source);
  options.review?.(compiled.sources);
  const danfojs = findDanfojs(source, compiled.imports);
  const modelPackages = findModelPackages(source, compiled.imports);
  const pinned = pinDependencies({
    name: definition.name,
    ekiben,
    imports: [
      ...compiled.imports,
      ...(danfojs === undefined ? [] : [danfojs]),
      ...modelPackages.map(({ name }) => ({
        name,
        importers: [],
        from: source.resolveDirectory,
      })),
    ],
    directory: source.resolveDirectory,
    reasons: {
      ...(danfojs === undefined ? {} : { [DANFOJS]: "dataframe() gives its DataFrame" }),
      ...Object.fromEntries(modelPackages.map(({ name, reason }) => [name, reason])),
      ...source.reasons,
    },
  });

  const files: Record<string, string | Uint8Array> = {
    ...compiled.sources,
    "service.mjs": compiled.code,
    "service.mjs.map": compiled.map,
    ...pinned.files,
    ...toSampleFiles(source.samples ?? []),
  };
  for (const [path, data] of Object.entries(source.files ?? {})) {
    if (path in files) throw taken(path);
    files[path] = data;
  }
  const models = await readModels(source);
  const entries = new Set([...Object.keys(files), ...ALWAYS].map(topOf));
  if (models.some((model) => model.files.length > 0)) entries.add("models/");
  Object.assign(
    files,
    options.deployment.containerFiles({
      name: definition.name,
      ekiben,
      locked: "package-lock.json" in files,
      entries: [...entries].sort(),
    }),
  );

  const answers = toRecordedAnswers(source.samples ?? []);
  const saved = await saveBundle(
    {
      name: definition.name,
      ...(definition.description === undefined ? {} : { description: definition.description }),
      ekiben,
      node: process.versions.node,
      apis: Object.values(definition.apis).map(describeApi),
      models,
      files,
      labels: { ...source.labels },
      dependencies: pinned.dependencies,
      provenance: source.provenance,
      derive: (manifest) => ({
        "openapi.json": `${JSON.stringify(toOpenApi(definition, { version: manifest.version, answers }), null, 2)}\n`,
        "README.md": options.deployment.readme(manifest),
      }),
    },
    {
      ...options,
      async check(directory) {
        // Once they are copied: what was copied is then what was loaded and tried.
        await checkUnchanged(source.modelFiles ?? []);
        await options.check?.(directory);
      },
    },
  );
  const tried = new Set((source.samples ?? []).map(({ api }) => api));
  const lacking = findLackingColumns(
    definition,
    Object.entries(source.modelDescriptions ?? {}),
    tried,
  );
  return { ...saved, notes: [...pinned.notes, ...lacking] };
}

const DANFOJS = "danfojs-node";
const ALWAYS = ["ekiben.json", "openapi.json", "README.md"];

function topOf(path: string): string {
  const slash = path.indexOf("/");
  return slash === -1 ? path : path.slice(0, slash + 1);
}

/**
 * danfojs-node is imported by ekiben on behalf of a handler that touches its DataFrame. A handler
 * that was run and did not touch it does not need it; one that was never run might.
 */
function findDanfojs(
  { definition, samples = [], resolveDirectory }: BundleSource,
  imports: readonly PackageImport[],
): PackageImport | undefined {
  if (imports.some(({ name }) => name === DANFOJS)) return undefined;
  const tables = Object.values(definition.apis).filter(({ input }) => input.kind === "dataframe");
  const untried = tables.some(
    ({ name, example }) => example === undefined && !samples.some(({ api }) => api === name),
  );
  if (tables.length === 0 || !(danfojsWasUsed() || untried)) return undefined;
  if (findPackage(DANFOJS, resolveDirectory) === undefined) return undefined;
  return { name: DANFOJS, importers: [], from: resolveDirectory };
}

/**
 * What models load by themselves. A package that is not installed is left out: the model that was
 * loaded here did without it.
 */
function findModelPackages(
  { definition, resolveDirectory }: BundleSource,
  imports: readonly PackageImport[],
): { name: string; reason: string }[] {
  const found = new Map<string, string>();
  for (const [model, { packages }] of Object.entries(definition.models)) {
    for (const name of packages?.() ?? []) {
      if (imports.some((one) => one.name === name)) continue;
      if (findPackage(name, resolveDirectory) === undefined) continue;
      found.set(name, `the model ${model} runs with it`);
    }
  }
  return Array.from(found, ([name, reason]) => ({ name, reason }));
}

async function readModels(source: BundleSource): Promise<ContentModel[]> {
  return Promise.all(
    Object.entries(source.definition.models).map(async ([name, model]) => {
      const { kind = model.kind, ...description } = source.modelDescriptions?.[name] ?? {};
      return {
        name,
        kind,
        files: await model.files(name),
        ...(Object.keys(description).length === 0 ? {} : { description }),
      };
    }),
  );
}

function describeApi(api: ApiDefinition): ManifestApi {
  const { name, method, route, summary, description, input, output, batch } = api;
  const { timeoutMs, maxBodyBytes, maxConcurrency } = api;
  // Through JSON, as it will be read again: an absent member and an undefined one are the same.
  return JSON.parse(
    JSON.stringify({
      name,
      route,
      method,
      summary,
      description,
      cardinality: input.cardinality,
      input: { kind: input.kind, mediaTypes: input.mediaTypes, schema: input.itemSchema() },
      output: {
        kind: output.kind,
        mediaTypes: output.mediaTypes(input.cardinality),
        ...(output.schema === undefined ? {} : { schema: describeSchema(output.schema) }),
      },
      params: api.params === undefined ? undefined : describeSchema(api.params),
      query: api.query === undefined ? undefined : describeSchema(api.query),
      batch,
      maxConcurrency,
      timeoutMs,
      maxBodyBytes,
      example: printExample(api),
    }),
  ) as ManifestApi;
}

/** An example that is JSON, as a client would write it. */
function printExample({ input, example }: ApiDefinition): unknown {
  if (example === undefined) return undefined;
  const { bytes, mediaType } = input.encode(example);
  if (mediaType !== "application/json") return undefined;
  return JSON.parse(new TextDecoder().decode(bytes));
}

function taken(path: string): EkibenError {
  return new EkibenError("BUILD_FAILED", {
    detail: `The file ${path} is made by the build itself and cannot be given.`,
    hint: "Give it another name.",
  });
}
