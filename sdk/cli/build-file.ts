import { readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { buildBundle, type BuiltBundle } from "../bundle/build-bundle.js";
import { loadSource } from "../bundle/load-source.js";
import { recordExamples } from "../bundle/record-examples.js";
import { EkibenError } from "../core/errors.js";
import { deployment } from "../deploy/deployment.js";
import { refuseSecrets } from "./refuse-secrets.js";

export interface BuildFileOptions {
  store?: string;
  directory?: string;
  name?: string;
  labels: Readonly<Record<string, string>>;
  /** Variables that may look like a secret; `true` for all and for texts within functions. */
  allowSecrets: readonly string[] | true;
  check(directory: string): Promise<void>;
}

/**
 * Builds a bundle from a module that exports a service. Relative paths of its models start in its
 * own folder, wherever the command is run. The examples of its APIs become its samples.
 * @throws CAPTURE_FAILED when a source holds a secret
 */
export async function buildFile(file: string, options: BuildFileOptions): Promise<BuiltBundle> {
  const entryCode = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new EkibenError("COMMAND_INVALID", {
      detail: `The file ${file} cannot be read.`,
      hint: "Name a module that exports a service, such as service.ts.",
      cause,
    });
  });
  const source = { entryCode, resolveDirectory: dirname(file), sourceName: basename(file) };
  process.chdir(dirname(file));
  const written = await loadSource(source);
  const { definition } = options.name === undefined ? written : written.named(options.name);
  const { samples, modelDescriptions, modelFiles } = await recordExamples(definition);
  return buildBundle(
    {
      ...source,
      definition,
      samples,
      modelDescriptions,
      modelFiles,
      labels: options.labels,
      provenance: { source: "file", file: basename(file) },
    },
    {
      deployment,
      check: options.check,
      review: (sources) => refuseSecrets(sources, options.allowSecrets, process.env),
      ...(options.store === undefined ? {} : { store: options.store }),
      ...(options.directory === undefined ? {} : { directory: options.directory }),
    },
  );
}
