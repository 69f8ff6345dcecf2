import { z } from "zod";
import { EkibenError } from "../core/errors.js";
import { findClosestName, printNames } from "../core/closest-name.js";
import { API, ask, RefusedError } from "./rest.js";
import type { Settings } from "./settings.js";

// MLflow leaves out what is empty; it is never null or [].
const tags = z
  .array(z.object({ key: z.string(), value: z.string().default("") }))
  .default([])
  .transform((list) => Object.fromEntries(list.map(({ key, value }) => [key, value])));

const modelVersion = z
  .object({
    name: z.string(),
    version: z.coerce.string(),
    run_id: z.string().default(""),
    model_id: z.string().default(""),
    source: z.string().default(""),
    current_stage: z.string().default("None"),
    description: z.string().default(""),
    status: z.string().default("READY"),
    aliases: z.array(z.string()).default([]),
    creation_timestamp: z.coerce.number().optional(),
    tags,
  })
  .transform((one) => ({
    name: one.name,
    version: one.version,
    ...(one.run_id === "" ? {} : { runId: one.run_id }),
    stage: one.current_stage,
    description: one.description,
    status: one.status,
    aliases: one.aliases,
    ...(one.creation_timestamp === undefined ? {} : { created: new Date(one.creation_timestamp) }),
    tags: one.tags,
    source: one.source,
    modelId: one.model_id || (/^models:\/(m-[0-9a-f]{32})$/.exec(one.source)?.[1] ?? ""),
  }));

const run = z.object({
  run: z.object({
    info: z.object({
      run_id: z.string(),
      experiment_id: z.coerce.string(),
      artifact_uri: z.string(),
      status: z.string().optional(),
    }),
    outputs: z
      .object({ model_outputs: z.array(z.object({ model_id: z.string() })).default([]) })
      .default({ model_outputs: [] }),
  }),
});

const loggedModel = z.object({
  info: z.object({
    model_id: z.string(),
    name: z.string().default(""),
    artifact_uri: z.string(),
    source_run_id: z.string().default(""),
    creation_timestamp_ms: z.coerce.number().default(0),
  }),
});

/** A version of a registered model, as its registry tells it. */
export type ModelVersion = z.output<typeof modelVersion>;
export type RunInfo = z.output<typeof run>["run"];
export type LoggedModel = z.output<typeof loggedModel>["info"];

/** How to look for versions of models. */
export interface FindVersionsOptions {
  /** The name of the registered model. */
  name?: string;
  /**
   * Further conditions in MLflow's own words, such as `tags.team = 'growth'` or `run_id = '…'`. Its
   * keys are name, run_id, source_path, version_number and tags.
   */
  filter?: string;
  /** How many to ask for at once, at most 200_000. @default 100 */
  pageSize?: number;
}

/** The models of one MLflow server. */
export interface Registry {
  readonly settings: Settings;
  getVersion(name: string, version: string): Promise<ModelVersion>;
  /** The highest version, or the highest of a stage. */
  getLatest(name: string, stage?: string): Promise<ModelVersion>;
  getByAlias(name: string, alias: string): Promise<ModelVersion>;
  /** The aliases of a model, by version. */
  getAliases(name: string): Promise<ReadonlyMap<string, string[]>>;
  /** All that fit, page by page, the highest version of each model first within a page. */
  findVersions(options: FindVersionsOptions): AsyncGenerator<ModelVersion, void, undefined>;
  /** Where the files of a version are, as the server says. */
  getArtifactUri(name: string, version: string): Promise<string>;
  getRun(runId: string): Promise<RunInfo>;
  getLoggedModel(modelId: string): Promise<LoggedModel>;
  /** MLflow 3: the model that a run logged under a name; the newest when there are several. */
  findLoggedModel(run: RunInfo, name: string): Promise<LoggedModel | undefined>;
}

export function openRegistry(settings: Settings): Registry {
  const { registry, tracking } = settings;

  async function getVersion(name: string, version: string): Promise<ModelVersion> {
    const answer = await ask(settings, registry, {
      method: "GET",
      path: `${API}/model-versions/get`,
      query: { name, version },
    }).catch(async (error: unknown) => {
      if (!isUnknown(error)) throw error;
      throw await explainUnknown(name, `version ${version}`);
    });
    return read(z.object({ model_version: modelVersion }), answer).model_version;
  }

  async function listLatest(name: string, stage?: string): Promise<ModelVersion[]> {
    const answer = await ask(settings, registry, {
      method: "POST",
      path: `${API}/registered-models/get-latest-versions`,
      json: { name, ...(stage === undefined ? {} : { stages: [stage] }) },
      repeatable: true,
    });
    const schema = z.object({ model_versions: z.array(modelVersion).default([]) });
    return read(schema, answer).model_versions.sort(byVersion);
  }

  /** What there is instead, when it can be found out. */
  async function explainUnknown(name: string, what: string): Promise<EkibenError> {
    const known = await listLatest(name).catch(() => undefined);
    if (known === undefined) {
      const names = await listNames().catch(() => []);
      const similar = findClosestName(name, names);
      return new EkibenError("MODEL_NOT_FOUND", {
        detail: `The registry at ${registry.origin} has no model ${JSON.stringify(name)}.`,
        hint:
          similar !== undefined
            ? `Did you mean ${JSON.stringify(similar)}?`
            : names.length === 0
              ? "It has no models that this user may see."
              : `It has ${printNames(names, 8)}.`,
        received: name,
      });
    }
    const there = known.map(({ version, stage }) =>
      stage === "None" ? version : `${version} (${stage})`,
    );
    const aliases = (await listAliases(name).catch(() => [])).map(({ alias }) => alias);
    return new EkibenError("MODEL_NOT_FOUND", {
      detail: `The model ${JSON.stringify(name)} of the registry at ${registry.origin} has no ${what}.`,
      hint: `${there.length === 0 ? "It has no versions" : `Its newest are ${there.join(", ")}`}${
        aliases.length === 0 ? "" : `, its aliases ${printNames(aliases, 8)}`
      }.`,
      received: what,
    });
  }

  async function listNames(): Promise<string[]> {
    const answer = await ask(settings, registry, {
      method: "GET",
      path: `${API}/registered-models/search`,
      query: { max_results: 200 },
    });
    const schema = z.object({ registered_models: z.array(z.object({ name: z.string() })) });
    return schema.safeParse(answer).data?.registered_models.map(({ name }) => name) ?? [];
  }

  async function listAliases(name: string): Promise<{ alias: string; version: string }[]> {
    const answer = await ask(settings, registry, {
      method: "GET",
      path: `${API}/registered-models/get`,
      query: { name },
    });
    const schema = z.object({
      registered_model: z.object({
        aliases: z.array(z.object({ alias: z.string(), version: z.coerce.string() })).default([]),
      }),
    });
    return read(schema, answer).registered_model.aliases;
  }

  function read<T>(schema: z.ZodType<T>, answer: unknown): T {
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new EkibenError("REGISTRY_UNREACHABLE", {
      detail: `The registry at ${registry.origin} answers otherwise than MLflow does: ${issue!.path.join(".")}: ${issue!.message}.`,
      hint: "Check that MLFLOW_TRACKING_URI leads to MLflow 2 or 3.",
    });
  }

  return {
    settings,
    getVersion,
    async getLatest(name, stage) {
      const found = await listLatest(name, stage).catch(async (error: unknown) => {
        if (isUnknown(error)) throw await explainUnknown(name, "versions");
        if (stage !== undefined && isInvalid(error)) throw refuseStage(name, stage, error);
        throw error;
      });
      if (found[0] !== undefined) return found[0];
      throw await explainUnknown(
        name,
        stage === undefined ? "version" : `version in stage ${stage}`,
      );
    },
    async getByAlias(name, alias) {
      const answer = await ask(settings, registry, {
        method: "GET",
        path: `${API}/registered-models/alias`,
        query: { name, alias },
      }).catch(async (error: unknown) => {
        // MLflow answers 400 for an alias, and for a model, that it does not have.
        if (!isUnknown(error) && !isInvalid(error)) throw error;
        throw await explainUnknown(name, `alias ${JSON.stringify(alias)}`);
      });
      return read(z.object({ model_version: modelVersion }), answer).model_version;
    },
    async getAliases(name) {
      const byVersion = new Map<string, string[]>();
      for (const { alias, version } of await listAliases(name)) {
        byVersion.set(version, [...(byVersion.get(version) ?? []), alias]);
      }
      return byVersion;
    },
    async *findVersions({ name, filter, pageSize = 100 }) {
      const conditions = [name === undefined ? [] : [toCondition(name)], filter ?? []].flat();
      const schema = z.object({
        model_versions: z.array(modelVersion).default([]),
        next_page_token: z.string().default(""),
      });
      const seen = new Set<string>();
      for (let token = ""; ;) {
        const answer = await ask(settings, registry, {
          method: "GET",
          path: `${API}/model-versions/search`,
          query: {
            ...(conditions.length === 0 ? {} : { filter: conditions.join(" and ") }),
            max_results: pageSize,
            ...(token === "" ? {} : { page_token: token }),
          },
        });
        const page = read(schema, answer);
        // Server versions that do not know a parameter answer everything.
        const fitting = page.model_versions.filter(
          (one) => name === undefined || one.name === name,
        );
        yield* fitting.sort(byVersion);
        token = page.next_page_token;
        if (token === "" || seen.has(token)) return;
        seen.add(token);
      }
    },
    async getArtifactUri(name, version) {
      const answer = await ask(settings, registry, {
        method: "GET",
        path: `${API}/model-versions/get-download-uri`,
        query: { name, version },
      });
      return read(z.object({ artifact_uri: z.string() }), answer).artifact_uri;
    },
    async getRun(runId) {
      const answer = await ask(settings, tracking, {
        method: "GET",
        path: `${API}/runs/get`,
        query: { run_id: runId },
      }).catch((error: unknown) => {
        if (!isUnknown(error)) throw error;
        throw new EkibenError("MODEL_NOT_FOUND", {
          detail: `The server at ${tracking.origin} has no run ${runId}.`,
          hint: "Copy the id from the page of the run, or use models:/name/version.",
          received: runId,
          cause: error,
        });
      });
      return read(run, answer).run;
    },
    async getLoggedModel(modelId) {
      const answer = await ask(settings, tracking, {
        method: "GET",
        path: `${API}/logged-models/${encodeURIComponent(modelId)}`,
      });
      return read(z.object({ model: loggedModel }), answer).model.info;
    },
    async findLoggedModel({ info, outputs }, name) {
      const own = new Set(outputs.model_outputs.map(({ model_id }) => model_id));
      if (own.size === 0) return undefined;
      const answer = await ask(settings, tracking, {
        method: "POST",
        path: `${API}/logged-models/search`,
        json: { experiment_ids: [info.experiment_id], filter: `name = ${quote(name)}` },
        repeatable: true,
      });
      const found = read(z.object({ models: z.array(loggedModel).default([]) }), answer).models;
      return found
        .map((one) => one.info)
        .filter((one) => own.has(one.model_id) && one.name === name)
        .sort((a, b) => b.creation_timestamp_ms - a.creation_timestamp_ms)[0];
    },
  };
}

function toCondition(name: string): string {
  return `name = ${quote(name)}`;
}

/** MLflow's filters have no escapes: a text is quoted by the mark that is not in it. */
function quote(text: string): string {
  if (!text.includes("'")) return `'${text}'`;
  if (!text.includes('"')) return `"${text}"`;
  throw new EkibenError("REGISTRY_REFUSED", {
    detail: `MLflow cannot search for ${text}, which has both kinds of quotes.`,
    hint: "Ask for its versions by number or alias.",
  });
}

/** Versions are numbers in strings, and come in the order of their last change. */
export function byVersion(
  a: { name: string; version: string },
  b: { name: string; version: string },
): number {
  return a.name === b.name ? Number(b.version) - Number(a.version) : a.name < b.name ? -1 : 1;
}

function isUnknown(error: unknown): boolean {
  return error instanceof RefusedError && error.code === "MODEL_NOT_FOUND";
}

function isInvalid(error: unknown): error is RefusedError {
  return error instanceof RefusedError && error.refusal.errorCode === "INVALID_PARAMETER_VALUE";
}

function refuseStage(name: string, stage: string, cause: RefusedError): EkibenError {
  return new EkibenError("MODEL_NOT_FOUND", {
    detail: `${JSON.stringify(stage)} is no stage of a model: ${cause.refusal.message}`,
    hint: `The stages are Staging, Production, Archived and None; an alias is written models:/${name}@${stage}.`,
    received: stage,
    cause,
  });
}
