import { parse, stringify, unflatten } from "devalue";
import { isDeepStrictEqual } from "node:util";
import { EkibenError } from "../core/errors.js";
import { Frame, type PlainFrame } from "../frame/frame.js";
import { frameOf, toDataFrame } from "../frame/lazy-data-frame.js";
import { createTensorArray, fromTensorArray, type Elements } from "../tensor/tensor-array.js";

type Class = abstract new (...args: never[]) => object;

/** The text of captured values, and the names of the classes that reading it needs. */
export interface PrintedValues {
  text: string;
  classes: string[];
}

/**
 * Prints what variables hold so that `reviveValues` makes equal values of it, identity within
 * included: two variables that hold one Map hold one Map again. It takes everything `devalue` takes,
 * DataFrames, tensors, and instances of the given classes. A view of a part of a buffer is printed without
 * the rest of it.
 * @throws CAPTURE_FAILED naming the path to what cannot be printed.
 */
export function printValues(
  values: Readonly<Record<string, unknown>>,
  classes: ReadonlyMap<unknown, string> = new Map(),
): PrintedValues {
  const used = new Set<string>();
  const text = printWith(values, {
    Tensor: (value) => fromTensorArray(value),
    View: (value) => trimView(value),
    DataFrame: (value) => frameOf(value)?.toPlain(),
    Instance: (value) => {
      const name = classOf(value, classes);
      if (name === undefined) return undefined;
      used.add(name);
      return { class: name, fields: { ...(value as object) } };
    },
  });
  checkRoundTrip(values, text, classes);
  return { text, classes: Array.from(used).sort() };
}

/** Makes the values again that `printValues` printed, from its text or from the JSON in it. */
export function reviveValues(
  printed: string | unknown[],
  classes: Readonly<Record<string, Class>> | object = {},
): Record<string, unknown> {
  const byName = classes as Readonly<Record<string, Class>>;
  const revivers = {
    Tensor: ({ data, dims }: { data: Elements; dims: number[] }) => createTensorArray(data, dims),
    View: (value: unknown) => value,
    DataFrame: (plain: PlainFrame) => toDataFrame(Frame.fromPlain(plain)),
    Instance: (printed: { class: string; fields: object }) => {
      const found = byName[printed.class];
      if (found === undefined) {
        throw new EkibenError("BUNDLE_CORRUPT", {
          detail: `A captured value is an instance of "${printed.class}", which the bundle lacks.`,
        });
      }
      return Object.assign(Object.create(found.prototype as object) as object, printed.fields);
    },
  };
  const values: unknown =
    typeof printed === "string" ? parse(printed, revivers) : unflatten(printed, revivers);
  return values as Record<string, unknown>;
}

function printWith(
  values: Readonly<Record<string, unknown>>,
  reducers: Record<string, (value: unknown) => unknown>,
): string {
  try {
    return stringify(values, reducers);
  } catch (error) {
    const path = (error as { path?: string }).path?.replace(/^\./, "") ?? "";
    throw new EkibenError("CAPTURE_FAILED", {
      detail: `${path === "" ? "The value" : `\`${path}\``} cannot be saved by value: ${nameReason(error)}`,
      cause: error,
    });
  }
}

function nameReason(error: unknown): string {
  const held = (error as { value?: unknown }).value;
  if (typeof held === "function") return "it is a function.";
  if (held instanceof Promise) return "it is a promise.";
  if (held !== null && typeof held === "object") {
    const name = (held.constructor as { name?: string } | undefined)?.name;
    if (name !== undefined && name !== "Object") return `it is a ${name}.`;
  }
  return error instanceof Error ? `${error.message}.` : "it is not plain data.";
}

/** A copy of a view on a part of a buffer; the rest of the buffer is not the variable's to tell. */
function trimView(value: unknown): unknown {
  if (!ArrayBuffer.isView(value) || value.byteLength === value.buffer.byteLength) return undefined;
  if (Buffer.isBuffer(value)) return undefined;
  const bytes = value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength);
  return new (value.constructor as new (buffer: ArrayBufferLike) => unknown)(bytes);
}

function classOf(value: unknown, classes: ReadonlyMap<unknown, string>): string | undefined {
  if (value === null || typeof value !== "object" || classes.size === 0) return undefined;
  const prototype = Object.getPrototypeOf(value) as { constructor?: unknown } | null;
  return prototype === null ? undefined : classes.get(prototype.constructor);
}

/** What cannot be read back as it was must fail while the notebook is there to mend it. */
function checkRoundTrip(
  values: Readonly<Record<string, unknown>>,
  text: string,
  classes: ReadonlyMap<unknown, string>,
): void {
  const byName = Object.fromEntries(Array.from(classes, ([made, name]) => [name, made as Class]));
  let revived: Record<string, unknown>;
  try {
    revived = reviveValues(text, byName);
  } catch (error) {
    throw new EkibenError("CAPTURE_FAILED", {
      detail: "A value cannot be saved: it holds an instance that refers to itself.",
      cause: error,
    });
  }
  for (const [name, value] of Object.entries(values)) {
    if (frameOf(value) !== undefined || isDeepStrictEqual(revived[name], value)) continue;
    if (Buffer.isBuffer(value)) continue;
    throw new EkibenError("CAPTURE_FAILED", {
      detail: `\`${name}\` cannot be saved by value: it would not be the same when it is read again.`,
      hint: "Keep in it only data: numbers, strings, dates, arrays, objects, Maps, Sets, typed arrays or DataFrames.",
    });
  }
}
