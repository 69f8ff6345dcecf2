import { inspect } from "node:util";
import type { DataFrame } from "danfojs-node";
import { findLoadedDanfojs, loadDanfojs, type Danfojs } from "./danfojs.js";
import { toDataFrameRows, toDtype } from "./data-frame-cells.js";
import { Frame } from "./frame.js";
import { frameFromDataFrame, isDataFrame } from "./frame-from-data-frame.js";

export { danfojsWasUsed, resolveDanfojsFrom } from "./danfojs.js";

/** What is known of a DataFrame that was made of a frame. */
interface Origin {
  readonly frame: Frame;
  /** From then on the DataFrame has a life of its own. */
  built: boolean;
}

const origins = new WeakMap<object, Origin>();

/**
 * A danfojs DataFrame of a frame that becomes one at the first touch: until then its prototype is a
 * proxy that sees what is asked for; then the same object gets danfojs's own prototype and rows, and
 * the proxy is out of the way. `shape`, `columns` and `await` are answered without that.
 *
 * Numbers that are missing are NaN, other missing values `null`; dates are ISO text, bigints decimal
 * text, nested values JSON text.
 * @throws DEPENDENCY_MISSING at the first touch when danfojs-node is not installed.
 */
export function toDataFrame(frame: Frame): DataFrame {
  const touch = new Touch(frame);
  const data = Object.create(new Proxy(PROTOTYPE, touch)) as DataFrame;
  touch.data = data;
  origins.set(data, touch);
  return data;
}

/**
 * The typed columns of a DataFrame: at no cost while it is still the frame's own, read from it once
 * somebody has used it as a DataFrame, since it may have been changed. `undefined` for other values.
 */
export function frameOf(value: unknown): Frame | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (value instanceof Frame) return value;
  const origin = origins.get(value);
  if (origin !== undefined && !origin.built) return origin.frame;
  return isDataFrame(value) ? frameFromDataFrame(value, origin?.frame) : undefined;
}

/** Stays extensible: a proxy of a frozen object may not answer with another prototype. */
const PROTOTYPE = {};
const INSPECT = inspect.custom;

/** Sees the first touch of a DataFrame, by being its prototype. */
class Touch implements ProxyHandler<object>, Origin {
  data!: DataFrame;
  built = false;

  constructor(readonly frame: Frame) {}

  get(_target: object, key: string | symbol, receiver: unknown): unknown {
    const { frame } = this;
    if (typeof key === "symbol") return key === INSPECT ? this.#inspect : undefined;
    if (key === "then" && !frame.has(key)) return undefined;
    if (key === "shape") return [frame.rowCount, frame.names.length];
    if (key === "columns") return [...frame.names];
    this.#build();
    return Reflect.get(this.data, key, receiver);
  }

  set(_target: object, key: string | symbol, value: unknown, receiver: unknown): boolean {
    this.#build();
    return Reflect.set(this.data, key, value, receiver);
  }

  has(_target: object, key: string | symbol): boolean {
    if (typeof key === "symbol") return false;
    this.#build();
    return Reflect.has(this.data, key);
  }

  /** `instanceof` can only ask for danfojs's class where somebody has loaded it. */
  getPrototypeOf(): object {
    return findLoadedDanfojs()?.DataFrame.prototype ?? Object.prototype;
  }

  #inspect = (_depth: number, options: object): string => {
    this.#build();
    return inspect(this.data, options);
  };

  #build(): void {
    if (this.built) return;
    const danfojs = loadDanfojs();
    this.built = true;
    build(danfojs, this.data, this.frame);
  }
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

function build({ DataFrame }: Danfojs, data: DataFrame, frame: Frame): void {
  Object.setPrototypeOf(data, DataFrame.prototype);
  if (frame.names.some(isTaken)) protectNames(data);
  // danfojs's classes are plain functions, which is what lets an object become one after the fact.
  (DataFrame as unknown as (this: object, data: unknown, options: object) => void).call(
    data,
    toDataFrameRows(frame),
    {
      columns: [...frame.names],
      dtypes: frame.columns.map(toDtype),
      // The other mode keeps a second copy of everything and lets it differ after `df.column = …`.
      config: { lowMemoryMode: true },
    },
  );
}

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
