import { withSummary } from "../core/with-summary.js";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EkibenError, type ErrorCode } from "../core/errors.js";
import { isRejection } from "../core/rejection.js";
import type { ExecutionOptions, ExecutionState } from "./engine.js";
import { checkExecutionOptions } from "./execution-options.js";
import {
  checkNamedFiles,
  listNamedFiles,
  toBundledPaths,
  toNamedPaths,
} from "./javascript-files.js";
import { printJsonValue, readJsonValue } from "./json-value.js";
import { openBundledModel, toPlainInput } from "./javascript-apart.js";
import { holdLiveValue } from "./live-value.js";
import type { LoadedModel, ModelDefinition, ModelFile } from "./model.js";
import { createSavedFolder } from "./model-folder.js";
import { printPath, readModelHead, toModelPath } from "./model-file.js";
import { createRunGate } from "./run-gate.js";

/** What all three forms of `model()` say. */
export interface ModelHooks<State, X, Result> extends ExecutionOptions {
  /** Answers for what a handler passes to `models.name.predict(...)`. It may be async. */
  predict(state: State, x: X): Result;
  /** Frees what `load` has made, once the predictions that have begun are done. */
  release?(state: State): unknown;
  /** What `/metadata` and a bundle call this kind of model. @default "javascript" */
  kind?: string;
}

/** A model that is in memory and can write itself as JSON, as those of the `ml-*` packages can. */
export interface JsonModelOptions<State, X, Result> extends ModelHooks<State, X, Result> {
  /** The model: in a notebook it is used as it is, and saved with the service. */
  value: State;
  /** What is saved of it: data. @default its own `toJSON()`, otherwise its fields */
  toJSON?(value: State): unknown;
  /** Makes the model again from what was saved. */
  fromJSON(json: any): State | Promise<State>;
}

/** A model that is in memory and is saved as files of its own. */
export interface SavedModelOptions<State, X, Result> extends ModelHooks<State, X, Result> {
  /** The model: in a notebook it is used as it is, and saved with the service. */
  value: State;
  /** Writes the model into an empty folder, given by its absolute path. */
  save(value: State, folder: string): unknown;
  /** Reads the model from the folder that `save` wrote. */
  load(folder: string): State | Promise<State>;
}

/** A model that is read from files. */
export interface FileModelOptions<Names extends string, State, X, Result> extends ModelHooks<
  State,
  X,
  Result
> {
  /** Files or folders by names of your own. A relative path counts from the working directory. */
  files?: Readonly<Record<Names, string | URL>>;
  /** Reads the model; it gets the absolute paths of the files by their names. */
  load(files: Readonly<Record<Names, string>>): State | Promise<State>;
}

/** A loaded model of one's own. */
export interface JavaScriptModel<X = any, Result = any> extends LoadedModel {
  /** @throws MODEL_RUN_FAILED, with the error of `predict` as its cause */
  predict(x: X): Promise<Awaited<Result>>;
  execution(): ExecutionState;
  /** Calls the `release` of the model once the predictions that have begun are done. */
  release(): Promise<void>;
}

/**
 * Declares anything in JavaScript as a model: one that was trained in the notebook, or one that is
 * read from files. Nothing is read or saved before the service loads or is saved.
 * @example model({ value: forest, fromJSON: RandomForestClassifier.load, predict: (forest, rows: number[][]) => forest.predict(rows) })
 */
export function model<State, X, Result>(
  options: JsonModelOptions<State, X, Result>,
): ModelDefinition<JavaScriptModel<X, Result>>;
export function model<State, X, Result>(
  options: SavedModelOptions<State, X, Result>,
): ModelDefinition<JavaScriptModel<X, Result>>;
export function model<Names extends string, State, X, Result>(
  options: FileModelOptions<Names, State, X, Result>,
): ModelDefinition<JavaScriptModel<X, Result>>;
export function model(options: AnyOptions): ModelDefinition<JavaScriptModel> {
  const { kind = "javascript" } = options;
  const source = toSource(options);
  return withSummary(
    {
      kind,
      sources: () => source.sources,
      files: (name = kind) => source.files(name),
      async load(context) {
        const { name, directory, executors } = context;
        checkExecutionOptions("model()", options);
        if (options.execution === "worker" && executors !== undefined) {
          const executor = await openBundledModel(context, options);
          if (executor !== undefined) {
            return createModel(name, kind, {
              predict: (x) => executor.run(toPlainInput(name, x)),
              execution: () => executor.state(),
              release: () => executor.release(),
            });
          }
          executors.stay(
            name,
            "Its functions are in this process only. Its bundle computes in a worker.",
          );
        }
        const state = await source.load(name, directory);
        return createModel(name, kind, {
          predict: (x) => options.predict(state, x),
          execution: () => ON_LOOP,
          // What a notebook holds is the notebook's own, and may be loaded again.
          release: () =>
            source.live && directory === undefined ? undefined : options.release?.(state),
        });
      },
    },
    `Model ${source.live ? "in memory" : "of files"} (${kind})`,
  );
}

type AnyHooks = ModelHooks<unknown, unknown, unknown>;
type AnyOptions = AnyHooks &
  Partial<JsonModelOptions<unknown, unknown, unknown>> &
  Partial<Omit<SavedModelOptions<unknown, unknown, unknown>, "load">> & {
    files?: Readonly<Record<string, string | URL>>;
    load?(from: any): unknown;
  };

/** Where a model comes from, and what a bundle gets of it. */
interface ModelSource {
  /** The model is in the memory of the notebook. */
  live: boolean;
  /** The paths it is read from, files or folders. */
  sources: readonly string[];
  files(name: string): Promise<readonly ModelFile[]>;
  load(name: string, directory: string | undefined): Promise<unknown>;
}

function toSource(options: AnyOptions): ModelSource {
  if (!("value" in options)) return fromFiles(options);
  holdLiveValue(options.value);
  const { value, fromJSON, toJSON, save, load } = options;
  const read = fromJSON === undefined ? load : (folder: string) => readValue(folder, fromJSON);
  const write =
    fromJSON === undefined
      ? save
      : (held: unknown, folder: string) =>
          writeFile(join(folder, VALUE_FILE), printJsonValue(toJSON ? toJSON(held) : held));
  const saved = createSavedFolder((folder) => write?.(value, folder));
  return {
    live: true,
    sources: [],
    async files(name) {
      if (read === undefined || write === undefined) throw toIncomplete(name);
      checkValue(name, value);
      return run("BUILD_FAILED", `The model ${JSON.stringify(name)} cannot be saved`, () =>
        saved(`the model ${JSON.stringify(name)}`),
      );
    },
    async load(name, directory) {
      if (read === undefined || write === undefined) throw toIncomplete(name);
      if (directory !== undefined) return runLoad(name, directory, () => read(directory));
      checkValue(name, value);
      return value;
    },
  };
}

function fromFiles({ files = {}, load }: AnyOptions): ModelSource {
  const paths = toNamedPaths(files);
  return {
    live: false,
    sources: Object.values(paths).map(({ absolute }) => absolute),
    files: () => listNamedFiles(paths),
    async load(name, directory) {
      if (load === undefined) throw toIncomplete(name);
      const places = directory === undefined ? paths : toBundledPaths(paths, directory);
      await checkNamedFiles(places);
      const list = Object.values(places);
      return runLoad(name, list.map(printPath).join(", "), () =>
        load(Object.fromEntries(Object.entries(places).map(([key, path]) => [key, path.absolute]))),
      );
    },
  };
}

const ON_LOOP: ExecutionState = {
  place: "loop",
  workers: 0,
  reason: "It is code of your own, which computes where handlers do.",
};

function createModel(
  name: string,
  kind: string,
  {
    predict,
    execution,
    release,
  }: { predict(x: unknown): unknown; execution(): ExecutionState; release(): unknown },
): JavaScriptModel {
  const gate = createRunGate(name);
  return {
    describe: () => ({ kind }),
    execution,
    predict: (x) =>
      gate.run(() =>
        run("MODEL_RUN_FAILED", `The model ${JSON.stringify(name)} failed`, () => predict(x)),
      ),
    release: () =>
      gate.close(() =>
        run("MODEL_RUN_FAILED", `The model ${JSON.stringify(name)} cannot be released`, release),
      ),
  };
}

const VALUE_FILE = "value.json";

/** What `fromJSON` makes of the file that a model with `value` was saved as. */
export async function readValue(
  folder: string,
  fromJSON: (json: unknown) => unknown,
): Promise<unknown> {
  const path = toModelPath(join(folder, VALUE_FILE));
  await readModelHead(path);
  return fromJSON(readJsonValue(await readFile(path.absolute, "utf8")));
}

function runLoad(name: string, from: string, work: () => unknown): Promise<unknown> {
  const where = from === "" ? "" : ` from ${from}`;
  return run(
    "MODEL_FILE_INVALID",
    `The model ${JSON.stringify(name)} cannot be loaded${where}`,
    work,
  );
}

/** What the author's own code throws is told with the name of the model. */
async function run<Result>(
  code: ErrorCode,
  what: string,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof EkibenError || isRejection(error)) throw error;
    const missing =
      code === "MODEL_FILE_INVALID" && (error as NodeJS.ErrnoException | null)?.code === "ENOENT";
    const reason = error instanceof Error ? error.message : String(error);
    throw new EkibenError(missing ? "MODEL_FILE_MISSING" : code, {
      detail: `${what}: ${reason.replace(/\.$/, "")}.`,
      ...(code === "MODEL_FILE_INVALID" && {
        hint: "Its `load` or `fromJSON` threw this: compare it with what the files hold.",
      }),
      cause: error,
    });
  }
}

function checkValue(name: string, value: unknown): void {
  if (value !== undefined && value !== null) return;
  throw new EkibenError("SERVICE_INVALID", {
    detail: `The model ${JSON.stringify(name)} has no value: \`value\` of model() is ${String(value)}.`,
    hint: "Train or load the model before the cell that declares it.",
  });
}

function toIncomplete(name: string): EkibenError {
  return new EkibenError("SERVICE_INVALID", {
    detail: `The model ${JSON.stringify(name)} cannot be saved and loaded again.`,
    hint: "Give model() `value` with `fromJSON`, `value` with `save` and `load`, or `files` with `load`.",
  });
}
