import { inspect } from "node:util";
import type { DataFrame } from "danfojs-node";
import { findLoadedDanfojs, loadDanfojs, type Danfojs } from "./danfojs.js";
import { toDataFrameRows, toDtype } from "./data-frame-cells.js";
import { Frame } from "./frame.js";
import { frameFromDataFrame, isDataFrame } from "./frame-from-data-frame.js";
import { findUsedPrototype } from "./used-data-frame.js";

export { danfojsWasUsed, resolveDanfojsFrom } from "./danfojs.js";

/**
 * A danfojs DataFrame of a frame that becomes one at the first touch: until then its prototype is a
 * proxy that sees what is asked for; then the same object gets danfojs's own prototype and rows, and
 * the proxy is out of the way. `shape`, `columns`, `in` and `await` are answered without that.
 *
 * Numbers that are missing are NaN, other missing values `null`; dates are ISO text, bigints decimal
 * text, nested values JSON text.
 * @throws DEPENDENCY_MISSING at the first touch when danfojs-node is not installed.
 */
export function toDataFrame(frame: Frame): DataFrame {
  return Reflect.construct(Lazy, [frame], findClass(frame.names)) as unknown as DataFrame;
}

/**
 * The typed columns of a DataFrame: at no cost while it is still the frame's own, read from it once
 * somebody has used it as a DataFrame, since it may have been changed. `undefined` for other values.
 */
export function frameOf(value: unknown): Frame | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const lazy = Lazy.read(value);
  if (lazy !== undefined && !lazy.built) return lazy.frame;
  if (value instanceof Frame) return value;
  return isDataFrame(value) ? frameFromDataFrame(value, lazy?.frame) : undefined;
}

/** The frame of a DataFrame that nobody has touched yet; `undefined` for all else. */
export function untouchedFrameOf(value: object): Frame | undefined {
  const lazy = Lazy.read(value);
  return lazy?.built === false ? lazy.frame : undefined;
}

/** What a DataFrame knows of the frame that it was made of: in a private field, seen by nobody. */
class Lazy {
  readonly #frame: Frame;
  #built = false;

  constructor(frame: Frame) {
    this.#frame = frame;
  }

  static read(value: object): { frame: Frame; built: boolean } | undefined {
    return #frame in value ? { frame: value.#frame, built: value.#built } : undefined;
  }

  /** Turns the object into a DataFrame, unless it is one already. */
  static build(value: Lazy): void {
    if (value.#built) return;
    const danfojs = loadDanfojs();
    value.#built = true;
    become(value, danfojs, value.#frame);
  }
}

/**
 * One class for all frames with the same list of names, as all frames of a schema have. With a
 * prototype of its own each object would get a hidden class of its own, which keeps the object and
 * its columns until the old generation is collected.
 */
const classes = new WeakMap<readonly string[], new () => object>();

function findClass(names: readonly string[]): new () => object {
  let found = classes.get(names);
  if (found === undefined) {
    // A class of its own, and not a function with this prototype: V8 keeps the hidden class of its
    // objects only for what extends the class that makes them. The proxy is then one step further.
    found = class LazyDataFrame extends Lazy {} as unknown as new () => object;
    const own = found.prototype as { constructor?: unknown };
    delete own.constructor;
    Object.setPrototypeOf(own, new Proxy({}, new Touch(new Set(names))));
    classes.set(names, found);
  }
  return found;
}

/** Sees the first touch of the DataFrames that it is the prototype of. */
class Touch implements ProxyHandler<object> {
  readonly #names: ReadonlySet<string>;

  constructor(names: ReadonlySet<string>) {
    this.#names = names;
  }

  get(_target: object, key: string | symbol, receiver: object): unknown {
    const lazy = Lazy.read(receiver);
    if (lazy === undefined) return undefined;
    if (typeof key === "symbol") return key === inspect.custom ? inspectBuilt : undefined;
    if (key === "then" && !this.#names.has(key)) return undefined;
    if (key === "shape") return [lazy.frame.rowCount, lazy.frame.names.length];
    if (key === "columns") return [...lazy.frame.names];
    Lazy.build(receiver as Lazy);
    return Reflect.get(receiver, key, receiver);
  }

  set(_target: object, key: string | symbol, value: unknown, receiver: object): boolean {
    if (Lazy.read(receiver) === undefined) return false;
    Lazy.build(receiver as Lazy);
    return Reflect.set(receiver, key, value, receiver);
  }

  has(_target: object, key: string | symbol): boolean {
    if (typeof key === "symbol") return false;
    return this.#names.has(key) || key in loadDanfojs().DataFrame.prototype;
  }

  /** `instanceof` can only ask for danfojs's class where somebody has loaded it. */
  getPrototypeOf(): object {
    return findLoadedDanfojs()?.DataFrame.prototype ?? Object.prototype;
  }
}

function inspectBuilt(this: Lazy, _depth: number, options: object): string {
  Lazy.build(this);
  return inspect(this, options);
}

type Constructor = (this: object, rows: unknown, options: object) => void;

function become(data: object, danfojs: Danfojs, frame: Frame): void {
  Object.setPrototypeOf(data, findUsedPrototype(danfojs));
  if (frame.names.some(isTaken)) protectNames(data as DataFrame);
  // danfojs's classes are plain functions, which is what lets an object become one after the fact.
  const constructor = danfojs.DataFrame as unknown as Constructor;
  constructor.call(data, toDataFrameRows(frame), {
    columns: [...frame.names],
    dtypes: frame.columns.map(toDtype),
    // The other mode keeps a second copy of everything and lets it differ after `df.column = …`.
    config: { lowMemoryMode: true },
  });
}

/**
 * Names that danfojs reads on itself: a column that hid one of them would break every method, so it
 * is read with `df.column(name)` instead.
 */
const TAKEN: ReadonlySet<string> = new Set([
  "index",
  "columns",
  "shape",
  "values",
  "dtypes",
  "config",
  "tensor",
  "getColumnData",
]);

function isTaken(name: string): boolean {
  return TAKEN.has(name) || name.startsWith("$");
}

function protectNames(data: DataFrame): void {
  type Define = (this: DataFrame, column: string) => void;
  const { $setInternalColumnDataProperty: define } = Object.getPrototypeOf(data) as {
    $setInternalColumnDataProperty: Define;
  };
  Object.defineProperty(data, "$setInternalColumnDataProperty", {
    value(this: DataFrame, column?: string) {
      const names = column === undefined ? this.columns : [column];
      for (const name of names) if (!isTaken(name)) define.call(this, name);
    },
  });
}
