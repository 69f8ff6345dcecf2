import { z } from "zod";
import { EkibenError, type Issue } from "../core/errors.js";
import { canonicalJson, sha256 } from "../core/hash.js";
import { findPathFault } from "./bundle-path.js";

/** The only format there is so far. A bundle of a later format is refused. */
export const BUNDLE_FORMAT = 1;
export const MANIFEST_FILE = "ekiben.json";

/** Written from the rest and naming the version, which itself is made from the digest. */
const DERIVED: ReadonlySet<string> = new Set(["openapi.json", "README.md"]);

const jsonSchema = z.record(z.string(), z.unknown());
const hash = z.string().regex(/^[0-9a-f]{64}$/, "not a SHA-256 in hexadecimal");

const file = z.object({
  path: z.string().refine((path) => findPathFault(path) === undefined, {
    error: (issue) => `the path is not safe: ${findPathFault(String(issue.input))}`,
  }),
  sha256: hash,
  size: z.number().int().nonnegative(),
});

const api = z.object({
  name: z.string(),
  route: z.string(),
  method: z.enum(["GET", "POST"]),
  summary: z.string().optional(),
  description: z.string().optional(),
  cardinality: z.enum(["one", "many"]),
  /** The JSON Schema is that of one item. */
  input: z.object({ kind: z.string(), mediaTypes: z.array(z.string()), schema: jsonSchema }),
  /** The JSON Schema, if there is one, is that of one output. */
  output: z.object({
    kind: z.string(),
    mediaTypes: z.array(z.string()),
    schema: jsonSchema.optional(),
  }),
  /** The JSON Schemas of the parameters of the path and of the query string. */
  params: jsonSchema.optional(),
  query: jsonSchema.optional(),
  batch: z
    .object({
      maxBatchSize: z.number(),
      maxLatencyMs: z.number(),
      maxQueueItems: z.number(),
      maxQueueBytes: z.number().optional(),
      concurrency: z.number(),
    })
    .optional(),
  maxConcurrency: z.number().optional(),
  timeoutMs: z.number(),
  maxBodyBytes: z.number(),
  example: z.unknown().optional(),
});

const model = z.object({
  name: z.string(),
  kind: z.string(),
  /** Paths are those in the bundle, below `models/<name>/`. */
  files: z.array(file),
  description: z.record(z.string(), z.unknown()).optional(),
});

const dependency = z.object({
  name: z.string(),
  version: z.string(),
  /** Why the bundle needs it, such as `cell [3] imports it`. */
  reason: z.string(),
});

/** Where a bundle was made from. */
const provenance = z.looseObject({ source: z.enum(["notebook", "file"]) });

const manifest = z
  .object({
    format: z.literal(BUNDLE_FORMAT),
    name: z.string(),
    version: z.string(),
    digest: hash,
    /** ISO 8601, UTC. */
    created: z.iso.datetime(),
    ekiben: z.string(),
    node: z.string(),
    description: z.string().optional(),
    apis: z.array(api),
    models: z.array(model),
    /** Everything besides the models and the manifest itself. */
    files: z.array(file),
    labels: z.record(z.string(), z.string()),
    dependencies: z.array(dependency),
    provenance,
  })
  .refine(({ files, models }) => isUnique([...files, ...models.flatMap((one) => one.files)]), {
    error: "a file is listed twice",
  });

// Some file systems hold two names that differ only in case as one.
function isUnique(files: readonly { path: string }[]): boolean {
  return new Set(files.map(({ path }) => path.toLowerCase())).size === files.length;
}

export type ManifestFile = z.output<typeof file>;
export type ManifestApi = z.output<typeof api>;
export type ManifestModel = z.output<typeof model>;
export type ManifestDependency = z.output<typeof dependency>;
export type Provenance = z.output<typeof provenance>;
/** What `ekiben.json` says. */
export type Manifest = z.output<typeof manifest>;

/** The files of a bundle, those of its models included. */
export function allFiles(value: Pick<Manifest, "files" | "models">): ManifestFile[] {
  return [...value.files, ...value.models.flatMap((one) => one.files)];
}

/**
 * What a bundle is, whoever made it and when: the SHA-256 over its files and the stable part of
 * the manifest. Left out are the version, the times, the Node version, where it came from, and the
 * files that only repeat the rest under the name of a version.
 */
export function createDigest(
  value: Omit<Manifest, "format" | "version" | "digest" | "created" | "node" | "provenance">,
): string {
  const files = allFiles(value)
    .filter(({ path }) => !DERIVED.has(path))
    .map(({ path, sha256 }) => [path, sha256] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const byName = <T extends { name: string }>(list: readonly T[]): T[] =>
    [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
  return sha256(
    canonicalJson({
      format: BUNDLE_FORMAT,
      name: value.name,
      ekiben: value.ekiben,
      description: value.description,
      apis: byName(value.apis),
      models: byName(
        value.models.map(({ name, kind, description }) => ({ name, kind, description })),
      ),
      labels: value.labels,
      // Why a package is needed names cells, whose numbers change whenever they are run again.
      dependencies: byName(value.dependencies.map(({ name, version }) => ({ name, version }))),
      files,
    }),
  );
}

/** The text of `ekiben.json`. */
export function printManifest(value: Manifest): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/**
 * Reads the text of an `ekiben.json`.
 * @param where The file, for messages.
 * @throws BUNDLE_FORMAT_UNSUPPORTED for a later format, BUNDLE_CORRUPT for anything else.
 */
export function parseManifest(text: string, where = MANIFEST_FILE): Manifest {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new EkibenError("BUNDLE_CORRUPT", {
      detail: `${where} is not JSON: ${(error as Error).message}.`,
      hint: "Take the bundle again from where it was saved.",
      cause: error,
    });
  }
  const { format, ekiben } = (data ?? {}) as { format?: unknown; ekiben?: unknown };
  if (typeof format === "number" && format > BUNDLE_FORMAT) {
    const saver = typeof ekiben === "string" ? `ekiben ${ekiben}` : "a later ekiben";
    throw new EkibenError("BUNDLE_FORMAT_UNSUPPORTED", {
      detail: `The bundle has format ${format}; this ekiben reads format ${BUNDLE_FORMAT}.`,
      hint: `It was saved by ${saver}: install that version or a later one.`,
      expected: BUNDLE_FORMAT,
      received: format,
    });
  }
  // Code for it would take longer to make than one parse without.
  const parsed = manifest.safeParse(data, { jitless: true });
  if (parsed.success) return parsed.data;
  const issues: Issue[] = parsed.error.issues.map((issue) => ({
    message: issue.message,
    path: issue.path.join("."),
  }));
  const [first] = issues;
  throw new EkibenError("BUNDLE_CORRUPT", {
    detail: `${where} is not a manifest: ${first?.path === "" ? "" : `${first?.path}: `}${first?.message}.`,
    hint: "Take the bundle again from where it was saved.",
    issues: issues.slice(0, 10),
    issueCount: issues.length,
  });
}
