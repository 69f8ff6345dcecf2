import { countRows } from "./count-rows.js";
import type { LoadedModel } from "./model.js";

/** One call of a method of a model. */
export interface ModelRun {
  /** The name of the model in its service. */
  readonly name: string;
  /** Such as `predict`. */
  readonly method: string;
  /** Milliseconds of `performance.now()`. */
  readonly began: number;
  /** Milliseconds until it returned, or until its promise was settled. */
  readonly ms: number;
  /** The rows that it was given, where that can be seen. */
  readonly rows: number | undefined;
  readonly failed: boolean;
}

export type ModelListener = (run: ModelRun) => void;

/** Makes a model that tells a listener of its runs, and is the given one in all else. */
export type ModelWatch = (listen: ModelListener) => LoadedModel;

type Method = (...args: unknown[]) => unknown;

/** What every model has is no run. */
const NO_RUNS = new Set<PropertyKey>(["describe", "warmup", "execution", "release"]);

/**
 * Looks at a loaded model once, so that watching it for one batch is cheap. Methods are called on the
 * model itself: what they call in turn is part of their run, and private fields work.
 */
export function createModelWatch(name: string, model: LoadedModel): ModelWatch {
  const owner = model as unknown as Record<PropertyKey, unknown>;
  const methods: string[] = [];
  const common: PropertyDescriptorMap = {};
  for (const [key, descriptor] of listProperties(model)) {
    const isMethod = typeof descriptor.value === "function";
    if (isMethod && typeof key === "string" && !NO_RUNS.has(key)) {
      methods.push(key);
      continue;
    }
    Object.defineProperty(common, key, {
      enumerable: true,
      value: isMethod
        ? { value: (...args: unknown[]) => (owner[key] as Method).apply(model, args) }
        : {
            enumerable: true,
            get: () => owner[key],
            set: (value: unknown) => (owner[key] = value),
          },
    });
  }
  const base: object = Object.create(model, common);

  const watch = (method: string, listen: ModelListener): Method =>
    function (...args) {
      const began = performance.now();
      const rows = rowsOf(args[0]);
      const tell = (failed: boolean): void => {
        listen({ name, method, began, ms: performance.now() - began, rows, failed });
      };
      let result: unknown;
      try {
        result = (owner[method] as Method).apply(model, args);
      } catch (error) {
        tell(true);
        throw error;
      }
      if (!isPromise(result)) {
        tell(false);
        return result;
      }
      result.then(
        () => tell(false),
        () => tell(true),
      );
      return result;
    };

  // With descriptors V8 would take ten times as long, and this is done for each batch.
  return (listen) => {
    const watched: Record<string, Method> = {};
    for (const method of methods) watched[method] = watch(method, listen);
    return Object.setPrototypeOf(watched, base) as LoadedModel;
  };
}

/** All that a model has, besides what every object has. Nothing is read: a getter may be dear. */
function listProperties(model: object): Map<PropertyKey, PropertyDescriptor> {
  const found = new Map<PropertyKey, PropertyDescriptor>();
  let at: object | null = model;
  while (at !== null && at !== Object.prototype) {
    for (const key of Reflect.ownKeys(at)) {
      if (key === "constructor" || found.has(key)) continue;
      found.set(key, Reflect.getOwnPropertyDescriptor(at, key)!);
    }
    at = Object.getPrototypeOf(at) as object | null;
  }
  return found;
}

/** What is counted is an author's own: looking at it must not cost the run. */
function rowsOf(value: unknown): number | undefined {
  try {
    return countRows(value);
  } catch {
    return undefined;
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
