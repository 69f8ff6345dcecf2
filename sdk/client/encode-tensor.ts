import type { InputHints } from "../inputs/input.js";
import { refuseCall } from "./client-error.js";
import { toBytes, type EncodedBody } from "./encoded-body.js";
import { printJson } from "./json-text.js";
import { ARRAYS, copyLittleEndian } from "./typed-arrays.js";

const JSON_TYPE = "application/json";
const BYTES_TYPE = "application/octet-stream";

type Elements = ArrayLike<unknown> & ArrayBufferView;
type Cells = ArrayLike<unknown> & { readonly dims?: readonly number[] };

/**
 * A tensor: the bytes of a typed array of its type as they are, anything else as nested lists. NaN
 * and the infinities are texts, and integers beyond 2^53 decimal text.
 */
export function encodeTensor(
  { dtype = "", shape, items: cardinality }: InputHints & { items?: string },
  value: unknown,
): EncodedBody {
  const items = cardinality === "many" ? countItems(value, shape) : 1;
  const known = items === undefined ? {} : { items };
  if (isElements(value)) {
    const dims = dimsOf(value) ?? findDims(value.length, shape, cardinality);
    if (Object.hasOwn(ARRAYS, dtype) && value instanceof ARRAYS[dtype as "int8"]) {
      return {
        content: copyLittleEndian(toBytes(value)!, value.BYTES_PER_ELEMENT),
        mediaType: BYTES_TYPE,
        headers: {
          "x-tensor-dtype": dtype,
          ...(dims === undefined ? {} : { "x-tensor-shape": dims.join(",") }),
        },
        ...known,
      };
    }
    const data = Array.from(value as ArrayLike<unknown>);
    return toJson(dims === undefined ? { data } : { data, shape: dims }, known);
  }
  return toJson(value, known);
}

function toJson(value: unknown, known: object): EncodedBody {
  return { content: printElements(value), mediaType: JSON_TYPE, ...known };
}

/** JSON text in which numbers that JSON does not have are texts, and -0 keeps its sign. */
function printElements(value: unknown): string {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) return `"${value}"`;
    return Object.is(value, -0) ? "-0" : `${value}`;
  }
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? `${value}` : `"${value}"`;
  }
  if (isCells(value)) {
    const dims = dimsOf(value);
    const list = dims === undefined ? Array.from(value) : toNested(value, dims);
    return `[${list.map(printElements).join(",")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value as object).filter(([, field]) => field !== undefined);
    return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${printElements(field)}`).join(",")}}`;
  }
  return printJson(value);
}

function toNested(cells: Cells, dims: readonly number[]): unknown[] {
  const [count = 1, ...rest] = dims;
  const size = rest.reduce((product, each) => product * each, 1);
  if (count * size !== cells.length) {
    throw refuseCall(
      `The tensor has ${cells.length} elements, and its dims [${dims.join(", ")}] are ${count * size}.`,
    );
  }
  const list = Array.from(cells);
  if (rest.length === 0) return list;
  return Array.from({ length: count }, (_, at) =>
    toNested(list.slice(at * size, (at + 1) * size), rest),
  );
}

function isElements(value: unknown): value is Elements {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function isCells(value: unknown): value is Cells {
  return Array.isArray(value) || isElements(value);
}

function dimsOf(value: unknown): readonly number[] | undefined {
  const { dims } = value as { dims?: unknown };
  return Array.isArray(dims) ? (dims as number[]) : undefined;
}

/** The dimensions of so many elements, where the declared shape leaves at most one open. */
function findDims(
  count: number,
  shape: InputHints["shape"] = [null],
  cardinality = "one",
): number[] | undefined {
  const whole = cardinality === "many" ? [null, ...shape] : shape;
  const fixed = whole.filter((size): size is number => size !== null);
  if (whole.length - fixed.length > 1) return undefined;
  const row = fixed.reduce((product, size) => product * size, 1);
  // The service says best what does not fit.
  return count % row === 0 ? whole.map((size) => size ?? count / row) : undefined;
}

function countItems(value: unknown, shape: InputHints["shape"]): number | undefined {
  if (!isCells(value)) return undefined;
  const dims = dimsOf(value);
  if (dims !== undefined) return dims[0];
  return isElements(value) ? findDims(value.length, shape, "many")?.[0] : value.length;
}
