import { EkibenError } from "../core/errors.js";
import type { EngineKind, ExecutionOptions, Executor } from "./engine.js";
import type { ModelLoadContext } from "./model.js";

/** What a worker opens such a model from: the code of the bundle has its functions. */
export interface BundledSource {
  /** The name of the model in its service. */
  model: string;
  /** The folder of its files. */
  directory: string;
}

/** The name of the engine. The room of threads opens it, which may load the code of a bundle. */
export const BUNDLED = "javascript";

/**
 * Opens a model with functions of the author's in a worker, which gets them from the code of the
 * bundle; `undefined` where there is no bundle.
 */
export async function openBundledModel(
  { name, directory, executors }: ModelLoadContext,
  { workers }: ExecutionOptions,
): Promise<Executor<unknown, unknown, unknown> | undefined> {
  if (executors?.bundle === undefined || directory === undefined) return undefined;
  const engine: EngineKind<BundledSource, unknown, unknown, unknown> = {
    name: BUNDLED,
    open: () => Promise.reject(new Error("Opened in workers only.")),
  };
  return executors.open({
    model: name,
    engine,
    source: { model: name, directory },
    bytes: 0,
    largeBytes: Infinity,
    execution: "worker",
    ...(workers !== undefined && { workers }),
  });
}

/** Objects of a class arrive in another thread without their methods, so they are refused here. */
export function toPlainInput(model: string, x: unknown): unknown {
  if (isPlain(x)) return x;
  throw new EkibenError("MODEL_INPUT_INVALID", {
    detail: `The model ${JSON.stringify(model)} computes in a worker, which cannot take ${describe(x)}.`,
    hint: "Give it numbers, text, lists, plain objects or typed arrays, such as `df.values`.",
    expected: "plain data",
    received: describe(x),
  });
}

function isPlain(value: unknown): boolean {
  if (typeof value === "function" || typeof value === "symbol") return false;
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return true;
  // Of a list of numbers, however long, the first one tells.
  if (Array.isArray(value)) return isPlain(value[0]);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    return value instanceof Map || value instanceof Set || value instanceof Date;
  }
  return Object.values(value).every(isPlain);
}

function describe(x: unknown): string {
  if (typeof x !== "object" || x === null) return `a ${typeof x}`;
  const name = x.constructor?.name;
  return name === undefined || name === "Object" || name === "Array"
    ? "what is in this input"
    : `a ${name}`;
}
