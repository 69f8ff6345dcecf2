import type { TensorDescription } from "../tensor/tensor.js";
import type { ExecutionState, Executors } from "./engine.js";

/** A file of a model: where it is now, and the path it gets inside the model's folder of a bundle. */
export interface ModelFile {
  /** Absolute path of the file. */
  source: string;
  /** Relative path with `/`, without `..`. */
  path: string;
  /**
   * The SHA-256 of a file that nobody changes, such as one of the model store: a bundle may share it
   * instead of copying it, once its hash is checked.
   */
  sha256?: string;
}

/** What a model store keeps of a model. */
export interface ModelContent {
  /** The kind that reads the files: `xgboost`, `lightgbm`, `onnx`, `tfjs`, or `files` for any other. */
  kind: string;
  /** The path of the file that the kind is given. */
  entry?: string;
  files: readonly ModelFile[];
  /** Where it was taken from. */
  provenance?: Readonly<Record<string, string>>;
}

/** Where a model is loaded from, and what it may use meanwhile. */
export interface ModelLoadContext {
  /** The name of the model in its service, for messages. */
  name: string;
  /**
   * Absolute path of the folder that holds the model's files as `files()` names them: a bundle's
   * `models/<name>`. Left out in a notebook, where the model reads its own source files.
   */
  directory?: string;
  /** Threads to compute in. @default none: the model computes on the thread that loads it */
  executors?: Executors;
}

/** What the manifest and `/metadata` tell about a model. */
export interface ModelDescription {
  kind: string;
  inputs?: readonly TensorDescription[];
  outputs?: readonly TensorDescription[];
  /** Where it was taken from: the name and version in a registry, the run that made it. */
  provenance?: Readonly<Record<string, string>>;
}

/** What a run before the first request told. */
export interface ModelWarmup {
  /** Milliseconds that the run took. */
  ms: number;
  /** The dimensions that it was run with, by input. */
  inputs?: Readonly<Record<string, readonly number[]>>;
  /** Where it computed, for kinds that have a choice. */
  backend?: string;
  /** What the author should know of the model, a sentence or two each. */
  warnings?: readonly string[];
}

/** A model in memory. Its other methods (`run`, `predict`) are its kind's own. */
export interface LoadedModel {
  describe(): ModelDescription;
  /**
   * Runs the model once, before a service is ready; `undefined` when nothing is known that it could
   * be run with. What it takes depends on the machine and is no part of `describe()`, which goes
   * into a bundle.
   */
  warmup?(): Promise<ModelWarmup | undefined>;
  /** Where it computes now; no part of `describe()` either, since it depends on the machine. */
  execution?(): ExecutionState;
  /** Frees what the model holds. Calling it twice does nothing. */
  release(): void | Promise<void>;
}

/**
 * The one contract of every kind of model: what to save, and how to load it again. A definition
 * holds no open file and no memory of the model; declaring one reads nothing.
 */
export interface ModelDefinition<Loaded extends LoadedModel = LoadedModel> {
  readonly kind: string;
  /** The npm packages that its `load` uses, besides those that the author's code imports. */
  packages?(): readonly string[];
  /** Absolute paths of the files that `load` reads here, as far as they are known before. */
  sources?(): readonly string[];
  /**
   * The files to put into a bundle. A model that is in memory writes them for this.
   * @param name The name of the model in its service, for messages.
   * @throws MODEL_FILE_MISSING when a file is not there.
   */
  files(name?: string): Promise<readonly ModelFile[]>;
  /**
   * What a model store keeps of it, for a kind that only leads to a model of another kind.
   * @default its own kind and `files()`, of which the first is the one that the kind is given
   */
  content?(): Promise<ModelContent>;
  /**
   * Loads the model.
   * @throws MODEL_FILE_MISSING or MODEL_FILE_INVALID, naming the file and what to do.
   */
  load(context: ModelLoadContext): Promise<Loaded>;
}

export type LoadedOf<D> = D extends ModelDefinition<infer Loaded> ? Loaded : never;
