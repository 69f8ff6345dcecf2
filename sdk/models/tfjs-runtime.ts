import { createRequire } from "node:module";
import { join } from "node:path";
import { EkibenError } from "../core/errors.js";

export interface TfTensor {
  readonly shape: readonly number[];
  readonly dtype: string;
  dataSync(): ArrayLike<number> | string[];
}

export interface TfSlot {
  readonly name: string;
  readonly shape?: readonly (number | null)[] | null;
  readonly dtype: string;
}

/** What layers models and graph models have in common. */
export interface TfModel {
  readonly inputs: readonly TfSlot[];
  readonly outputs: readonly TfSlot[];
  /** The names of the layers, which a layers model keeps when it is loaded once more. */
  readonly inputNames?: readonly string[];
  readonly outputNames?: readonly string[];
  /** A model of layers in a row has its names once it is built, at the latest by its first run. */
  build?(): void;
  predict(x: never, config?: never): unknown;
  save(handler: never): Promise<unknown>;
  dispose(): unknown;
}

/** The part of tfjs that models are run with. */
export interface Tfjs {
  tensor(data: unknown, shape: readonly number[], dtype: string): TfTensor;
  tidy<Result>(work: () => Result): Result;
  getBackend(): string | undefined;
  setBackend(name: string): Promise<boolean>;
  findBackend(name: string): unknown;
  loadLayersModel(handler: object): Promise<TfModel>;
  loadGraphModel(handler: object): Promise<TfModel>;
}

export type TfjsBackend = "tensorflow" | "wasm" | "cpu";

/** tfjs with the backend that models run on. */
export interface TfjsRuntime {
  readonly tf: Tfjs;
  readonly backend: TfjsBackend;
}

const NATIVE = "@tensorflow/tfjs-node";
const PURE = "@tensorflow/tfjs";
const WASM = "@tensorflow/tfjs-backend-wasm";

const ownRequire = createRequire(import.meta.url);
const runtimes = new Map<string, Promise<TfjsRuntime>>();
let nativeUsed = false;

/** The packages that a bundle with such a model needs, as far as they are installed. */
export function listTfjsPackages(): string[] {
  return nativeUsed ? [NATIVE] : [PURE, WASM];
}

/**
 * tfjs as the folder has it, then the working folder, then this package: TensorFlow's own library
 * when its native part loads, otherwise WebAssembly, otherwise plain JavaScript.
 * @throws DEPENDENCY_MISSING when tfjs is not installed.
 */
export function openTfjs(directory?: string): Promise<TfjsRuntime> {
  const found = findTfjs(directory);
  const known = runtimes.get(found.key);
  if (known !== undefined) return known;
  const opening = chooseBackend(found, directory === undefined);
  runtimes.set(found.key, opening);
  opening.catch(() => runtimes.delete(found.key));
  return opening;
}

interface FoundTfjs {
  readonly key: string;
  readonly tf: Tfjs;
  readonly native: boolean;
  /** The wasm backend, required when it is to be used: requiring it makes it tfjs's first choice. */
  readonly wasm: (() => unknown) | undefined;
}

function findTfjs(directory?: string): FoundTfjs {
  const requires = [directory, process.cwd()].flatMap((from) =>
    from === undefined ? [] : [createRequire(join(from, "index.js"))],
  );
  let broken: unknown;
  for (const require of [...requires, ownRequire]) {
    const native = tryRequire(require, NATIVE) as Tfjs | undefined;
    // Under its name another package may be installed, one without the native part.
    if (native?.findBackend("tensorflow")) {
      return { key: NATIVE, tf: native, native: true, wasm: undefined };
    }
    const file = tryResolve(require, PURE);
    if (file === undefined) continue;
    try {
      const tf = require(file) as Tfjs;
      const wasm = [require, ownRequire].find((one) => tryResolve(one, WASM) !== undefined);
      return { key: file, tf, native: false, wasm: wasm && (() => wasm(WASM) as unknown) };
    } catch (error) {
      broken ??= error;
    }
  }
  throw new EkibenError("DEPENDENCY_MISSING", {
    detail: `The model needs ${PURE}, which ${broken === undefined ? "is not installed" : "cannot be loaded"}.`,
    hint: `Run \`npm install ${PURE} ${WASM}\`.`,
    received: PURE,
    ...(broken !== undefined && { cause: broken }),
  });
}

async function chooseBackend(
  { tf, native, wasm }: FoundTfjs,
  inNotebook: boolean,
): Promise<TfjsRuntime> {
  const before = tf.getBackend();
  if (native) {
    nativeUsed = true;
    return { tf, backend: "tensorflow" };
  }
  quieten(tf);
  let backend: TfjsBackend = "cpu";
  try {
    wasm?.();
    if (tf.findBackend("wasm") || (wasm && (await tf.setBackend("wasm")))) backend = "wasm";
  } catch {
    backend = "cpu";
  }
  // What a notebook trains with stays what it was: the wasm backend has not all gradients. Where only
  // models run, their weights are loaded to where they are needed.
  await tf.setBackend(inNotebook ? (before ?? "cpu") : backend);
  return { tf, backend };
}

/**
 * Keeps off the advertisement of tfjs-node that the backend in JavaScript prints when it is first
 * given a number. It has no setting for that but `PROD`, which turns off all warnings and checks.
 */
function quieten(tf: Tfjs): void {
  const cpu = tf.findBackend("cpu") as { firstUse?: unknown } | null;
  if (cpu?.firstUse === true) cpu.firstUse = false;
}

/**
 * Runs on the backend of models. In a notebook what was in use before is in use again afterwards;
 * where nothing but models runs, a change for each run would cost some milliseconds.
 */
export function onBackend<Result>(
  { tf, backend }: TfjsRuntime,
  inNotebook: boolean,
  work: () => Result,
): Result {
  const before = tf.getBackend();
  if (before === backend) return work();
  // Both are there already, so that each change is done when the call returns.
  void tf.setBackend(backend);
  try {
    return work();
  } finally {
    if (inNotebook && before !== undefined) void tf.setBackend(before);
  }
}

function tryRequire(require: NodeJS.Require, name: string): unknown {
  try {
    return require(name) as unknown;
  } catch {
    return undefined;
  }
}

function tryResolve(require: NodeJS.Require, name: string): string | undefined {
  try {
    return require.resolve(name);
  } catch {
    return undefined;
  }
}
