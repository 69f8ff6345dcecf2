import { withSummary } from "../core/with-summary.js";
import type { ModelInput } from "../models/feeds.js";
import type { JavaScriptModel, ModelHooks } from "../models/javascript.js";
import type { LightgbmModel, LightgbmOptions } from "../models/lightgbm.js";
import type { LoadedModel, ModelDefinition } from "../models/model.js";
import type { OnnxModel, OnnxOptions } from "../models/onnx.js";
import type { LiveTfjsModel, TfjsModel, TfjsOptions } from "../models/tfjs.js";
import { listTfjsPackages } from "../models/tfjs-runtime.js";
import type { XGBoostModel, XGBoostOptions } from "../models/xgboost.js";
import type { TensorArray } from "../tensor/tensor-array.js";
import type { ModelFacts } from "./model-facts.js";
import type { FoundModel, ListedModel } from "./model-store.js";
import type { OpenedStoredModel, OpenOptions } from "./open-stored-model.js";

/** A version of a model in the store. */
export interface StoredModel {
  readonly name: string;
  readonly version: string;
  /** `name:version`, for `models.get()`. */
  readonly tag: string;
  readonly kind: "xgboost" | "lightgbm" | "onnx" | "tfjs" | "files";
  /** ISO 8601, UTC. */
  readonly created: string;
  readonly aliases: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, number>>;
  /** Where it was taken from. */
  readonly provenance: Readonly<Record<string, string>>;
  /** The SHA-256 of its files, their names and its kind. */
  readonly digest: string;
  /** Bytes of its files. */
  readonly size: number;
}

/** A version whose record cannot be read, in a list: it is the one with `damaged`. */
export interface DamagedModel {
  readonly name: string;
  readonly version: string;
  readonly tag: string;
  /** Why. */
  readonly damaged: string;
}

/** What may be said of a model when it is stored. */
export interface StoreModelOptions {
  /** @default the time and the first digits of the digest */
  version?: string;
  /** Words to find it by. */
  labels?: Readonly<Record<string, string>>;
  /** Numbers to compare it by, such as `{ auc: 0.91 }`. */
  metrics?: Readonly<Record<string, number>>;
  /** Names that lead to this version from now on: `["production"]` for `name@production`. */
  aliases?: readonly string[];
}

export interface ImportModelOptions extends StoreModelOptions {
  name: string;
  /** @default told by the first bytes of the file; `files` keeps any files for code of your own */
  kind?: StoredModel["kind"];
}

/** A loaded model of the store whose kind is known when it is loaded only. */
export interface AnyStoredModel extends LoadedModel {
  /**
   * Answers the rows of a table, or a tensor, as `predict` of its kind does.
   * @throws MODEL_INPUT_INVALID for data that the model cannot take; MODEL_RUN_FAILED
   */
  predict(x: ModelInput): TensorArray<number> | Promise<TensorArray<number>>;
}

/** The kind of a stored model, which decides what the loaded model can do. */
export interface StoredKindOptions<Kind extends string, Options> {
  kind: Kind;
  /** Options of the function of that kind. */
  model?: Options;
}

/** How to read a model that was stored as `model({ value, fromJSON, … })`. */
export interface StoredJsonOptions<State, X, Result> extends ModelHooks<State, X, Result> {
  /** Makes the model of what was saved. */
  fromJSON(json: any): State | Promise<State>;
}

/** How to read a model that was stored as files of its own kind. */
export interface StoredFilesOptions<State, X, Result> extends ModelHooks<State, X, Result> {
  /** Reads the model from the folder with its files. */
  load(folder: string): State | Promise<State>;
}

/** The model store of this machine, for cells and programs. */
export interface Models {
  /**
   * Declares a stored model: `name`, `name:latest`, `name:version`, the beginning of a version, or
   * `name@alias`. Nothing is looked up before it is used; the first use decides what `latest` or an
   * alias means, and the definition keeps to it. A bundle holds the files and asks no store.
   * @example models.get("churn-trees:latest")
   * @example models.get("churn-trees@production", { kind: "xgboost" })
   */
  get(reference: string): ModelDefinition<AnyStoredModel>;
  get(
    reference: string,
    options: StoredKindOptions<"xgboost", XGBoostOptions>,
  ): ModelDefinition<XGBoostModel>;
  get(
    reference: string,
    options: StoredKindOptions<"lightgbm", LightgbmOptions>,
  ): ModelDefinition<LightgbmModel>;
  get(
    reference: string,
    options: StoredKindOptions<"onnx", OnnxOptions>,
  ): ModelDefinition<OnnxModel>;
  get(
    reference: string,
    options: StoredKindOptions<"tfjs", TfjsOptions>,
  ): ModelDefinition<TfjsModel>;
  get<State, X, Result>(
    reference: string,
    options: StoredJsonOptions<State, X, Result>,
  ): ModelDefinition<JavaScriptModel<X, Result>>;
  get<State, X, Result>(
    reference: string,
    options: StoredFilesOptions<State, X, Result>,
  ): ModelDefinition<JavaScriptModel<X, Result>>;
  /**
   * Stores a model: one that is declared (`xgboost(…)`, `model({ value, … })`), or one of
   * TensorFlow.js that is in memory. The newest version is answered when it is the same.
   * @throws MODEL_EXISTS when the version is another model; what `files()` of the model throws
   * @example await models.save("churn-forest", model({ value: forest, … }), { metrics: { auc: 0.91 } })
   */
  save(
    name: string,
    model: ModelDefinition | LiveTfjsModel,
    options?: StoreModelOptions,
  ): Promise<StoredModel>;
  /**
   * Stores a file or a folder. A relative path counts from the working directory.
   * @throws MODEL_FILE_MISSING; MODEL_FILE_INVALID saying what the file is; MODEL_EXISTS
   * @example await models.import("models/churn.json", { name: "churn-trees", labels: { team: "growth" } })
   */
  import(file: string | URL, options: ImportModelOptions): Promise<StoredModel>;
  /** Versions by name, newest first; of one name, or with all of these labels. */
  list(
    name?: string,
    filter?: { labels?: Readonly<Record<string, string>> },
  ): Promise<(StoredModel | DamagedModel)[]>;
  /** @throws MODEL_NOT_FOUND with what is there */
  find(reference: string): Promise<StoredModel>;
  /** Sets labels, metrics and aliases; `null` takes a label or a metric away. */
  tag(reference: string, facts: ModelFacts): Promise<StoredModel>;
  /** Removes a version for good; bundles that hold it keep their files. */
  delete(reference: string): Promise<void>;
}

const openStore = async () => (await import("./model-store.js")).openModelStore();

export const models: Models = {
  get: defineStoredModel as Models["get"],
  async save(name, model, options = {}) {
    const { toContent } = await import("./model-content.js");
    const content = await toContent(model, name);
    return toStoredModel(await (await openStore()).add(content, { ...options, name }));
  },
  async import(file, { kind, ...options }) {
    const { readContent } = await import("./model-content.js");
    const content = await readContent(file, kind);
    return toStoredModel(await (await openStore()).add(content, options));
  },
  async list(name, filter = {}) {
    const store = await openStore();
    const found = await store.list({ ...filter, ...(name === undefined ? {} : { name }) });
    return found.map(toListedModel);
  },
  find: async (reference) => toStoredModel(await (await openStore()).find(reference)),
  tag: async (reference, facts) => toStoredModel(await (await openStore()).tag(reference, facts)),
  async delete(reference) {
    await (await openStore()).remove(reference);
  },
};

function defineStoredModel(reference: string, options: OpenOptions = {}): ModelDefinition {
  let opened: Promise<OpenedStoredModel> | undefined;
  let known: OpenedStoredModel["record"] | undefined;
  const openOnce = (): Promise<OpenedStoredModel> => {
    if (opened !== undefined) return opened;
    const opening = import("./open-stored-model.js").then((found) =>
      found.openStoredModel(reference, options),
    );
    opened = opening;
    opening.then(
      ({ record }) => (known = record),
      // What failed may work the next time: a model that is imported meanwhile.
      () => {
        if (opened === opening) opened = undefined;
      },
    );
    return opening;
  };
  const describe = (): string => {
    const kind = known?.kind ?? options.kind;
    // The first use decides what `latest` or an alias means.
    const meant = known === undefined ? "" : `, ${known.name}:${known.version}`;
    return `Model ${reference} (${kind === undefined ? "" : `${kind}, `}of the model store${meant})`;
  };
  return withSummary(
    {
      kind: options.kind ?? "stored",
      // Known once it was loaded, which comes before anything is saved.
      packages: () => (known?.kind === "tfjs" ? listTfjsPackages() : []),
      files: async () => (await openOnce()).files(),
      content: async () => (await openOnce()).content(),
      async load({ directory, ...context }) {
        if (directory === undefined) return (await openOnce()).load(context);
        const { loadBundledModel } = await import("./open-stored-model.js");
        return loadBundledModel(options, { ...context, directory });
      },
    },
    describe,
  );
}

export function toStoredModel({ record, aliases }: FoundModel): StoredModel {
  const { name, version, kind, created, labels, metrics, provenance, digest, files } = record;
  return {
    name,
    version,
    tag: `${name}:${version}`,
    kind,
    created,
    aliases,
    labels,
    metrics,
    provenance,
    digest,
    size: files.reduce((sum, { size }) => sum + size, 0),
  };
}

export function toListedModel(found: ListedModel): StoredModel | DamagedModel {
  if (found.damaged === undefined) return toStoredModel(found);
  const { name, version, damaged } = found;
  return { name, version, tag: `${name}:${version}`, damaged };
}
