import { countElements, type Tensor, type TensorElements, type TensorType } from "./tensor.js";

export interface PrintOptions {
  /**
   * What stands for NaN and the infinities, which JSON does not have: `null`, or the texts `"NaN"`,
   * `"Infinity"` and `"-Infinity"`, which `fromNested` reads back.
   * @default "null"
   */
  nonFinite?: "null" | "text";
}

/**
 * The JSON text of a tensor as nested lists; without dimensions it is the bare value. Floats have
 * the digits of their double, so that reading them gives the same bits; -0 keeps its sign; integers
 * beyond 2^53 are decimal text.
 */
export function toNestedJson({ type, dims, data }: Tensor, options: PrintOptions = {}): string {
  const print = printerOf(type, data, options.nonFinite ?? "null");
  return printLevel(print, dims, 0, 0);
}

/** The JSON text of the elements in one flat list, as the Open Inference Protocol may have them. */
export function toFlatJson({ type, data }: Tensor, options: PrintOptions = {}): string {
  return printList(printerOf(type, data, options.nonFinite ?? "null"), 0, data.length);
}

type PrintElement = (at: number) => string;

function printLevel(
  print: PrintElement,
  dims: readonly number[],
  depth: number,
  offset: number,
): string {
  if (depth === dims.length) return print(offset);
  const count = dims[depth]!;
  if (depth === dims.length - 1) return printList(print, offset, count);
  const size = countElements(dims.slice(depth + 1));
  let text = "[";
  for (let i = 0; i < count; i += 1) {
    if (i > 0) text += ",";
    text += printLevel(print, dims, depth + 1, offset + i * size);
  }
  return `${text}]`;
}

function printList(print: PrintElement, offset: number, count: number): string {
  let text = "[";
  for (let i = 0; i < count; i += 1) {
    if (i > 0) text += ",";
    text += print(offset + i);
  }
  return `${text}]`;
}

function printerOf(
  type: TensorType,
  data: TensorElements,
  nonFinite: "null" | "text",
): PrintElement {
  switch (type) {
    case "string":
      return (at) => JSON.stringify(data[at]);
    case "bool":
      return (at) => (data[at] ? "true" : "false");
    case "int64":
    case "uint64":
      return (at) => printBigInt(data[at] as bigint);
    case "float32":
    case "float64":
      return (at) => printFloat(data[at] as number, nonFinite);
    default:
      return (at) => `${data[at]}`;
  }
}

function printFloat(value: number, nonFinite: "null" | "text"): string {
  if (!Number.isFinite(value)) return nonFinite === "null" ? "null" : `"${value}"`;
  return Object.is(value, -0) ? "-0" : `${value}`;
}

function printBigInt(value: bigint): string {
  const exact = value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER;
  return exact ? `${value}` : `"${value}"`;
}

/** A tensor as nested lists; without dimensions it is the bare value. */
export function toNested({ type, dims, data }: Tensor): unknown {
  const element = (at: number): unknown => (type === "bool" ? data[at] === 1 : data[at]);
  const level = (depth: number, offset: number): unknown => {
    if (depth === dims.length) return element(offset);
    const size = countElements(dims.slice(depth + 1));
    return Array.from({ length: dims[depth]! }, (_, i) => level(depth + 1, offset + i * size));
  };
  return level(0, 0);
}
