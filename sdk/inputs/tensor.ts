import { printNames } from "../core/closest-name.js";
import { EkibenError } from "../core/errors.js";
import { checkShape, MOST_DIMS, printDims } from "../tensor/dims.js";
import type { NamedTensor } from "../tensor/named-tensor.js";
import { fromFlat, fromNested } from "../tensor/nested.js";
import { toNestedJson } from "../tensor/print-nested.js";
import { TensorFault, toTensorError } from "../tensor/tensor-fault.js";
import { countElements, isTypedArray, sliceRows, TENSOR_TYPES } from "../tensor/tensor.js";
import type { Tensor, TensorType } from "../tensor/tensor.js";
import type { EncodedBody, Input, Payload, RequestBody } from "./input.js";
import { checkChoice, checkOptionNames, invalidOptionOf } from "./check-options.js";
import { checkCharset, isJsonType, parseJson, readText, refuseMediaType } from "./json-text.js";
import {
  checkClaim,
  checkType,
  inferDims,
  readShapeHeader,
  readTensorBytes,
  readTensorValue,
  refuseNonFinite,
  type TensorRule,
} from "./tensor-body.js";
import { toJsonBytes } from "./json-bytes.js";
import { copyTensor, listTensors, stackTensors } from "./stack-tensors.js";
import { readTensorCells } from "./tensor-cells.js";
import { describeNested, describeTensorBytes, describeTensorJson } from "./tensor-schema.js";
import type { ElementOfType, MergedTensors, SentTensor, TensorShape } from "./tensor-types.js";
import type { TensorArray } from "../tensor/tensor-array.js";

const JSON_TYPE = "application/json";
const BYTES_TYPE = "application/octet-stream";
const MEDIA_TYPES = [JSON_TYPE, BYTES_TYPE] as const;
const OPTIONS = ["shape", "dtype", "many", "name", "nonFinite"];
const INVALID = "The tensor is not valid";

export interface TensorOptions<
  Shape extends TensorShape = TensorShape,
  Type extends TensorType = TensorType,
  Many extends boolean = boolean,
> {
  /** The sizes of one item, `null` where any size will do; `[]` for a single value. */
  shape: Shape;
  dtype: Type;
  /** Whether a request holds many items, counted by a dimension before `shape`. @default false */
  many?: Many;
  /** The name of the tensor in the Open Inference Protocol. @default "input", and any name is taken */
  name?: string;
  /**
   * Whether floats may be NaN and infinite; JSON says `"NaN"`, `"Infinity"` and `"-Infinity"`, or
   * `null` for NaN. @default false
   */
  nonFinite?: boolean;
}

interface TensorPayload {
  readonly tensor: Tensor;
}

/**
 * Reads a tensor a request: nested lists of JSON, base64 in JSON, or raw little-endian bytes. A
 * handler gets a TensorArray; with `batch`, the items of several requests stacked along a new first
 * dimension, or, where `shape` leaves a size open, an array with a TensorArray an item.
 * @throws SERVICE_INVALID
 * @example tensor({ shape: [1, 28, 28], dtype: "float32" })
 */
export function tensor<
  const Shape extends TensorShape,
  Type extends TensorType,
  Many extends boolean = false,
>(
  options: TensorOptions<Shape, Type, Many>,
): Input<
  SentTensor<Shape, Type, Many>,
  TensorArray<ElementOfType<Type>>,
  MergedTensors<Shape, ElementOfType<Type>>,
  [Many] extends [true] ? "many" : "one"
>;
export function tensor(options: TensorOptions): Input {
  checkOptions(options);
  const { dtype, many = false, name, nonFinite = false } = options;
  const item = Object.freeze([...options.shape]);
  const rule: TensorRule = { type: dtype, shape: many ? [null, ...item] : item, nonFinite };
  const stacked = !item.includes(null);

  const read = (make: () => Tensor): Payload => {
    try {
      const made = make();
      const data: TensorPayload = Object.freeze({ tensor: made });
      return Object.freeze({ items: many ? made.dims[0]! : 1, data });
    } catch (fault) {
      throw toTensorError("INPUT_INVALID", INVALID, fault);
    }
  };
  const tensorsOf = (payloads: readonly Payload[]): Tensor[] =>
    payloads.map((payload) => (payload as Payload<TensorPayload>).data.tensor);

  return Object.freeze({
    kind: "tensor",
    cardinality: many ? "many" : "one",
    mediaTypes: MEDIA_TYPES,
    hints: Object.freeze({ dtype, shape: item }),
    parse(body) {
      if (isJsonType(body.mediaType)) {
        checkCharset(body);
        const cells = readTensorCells(body.bytes, rule);
        if (cells !== undefined) return read(() => cells);
        const value = parseJson(readText(body));
        return read(() => readTensorValue(value, rule));
      }
      if (body.mediaType !== BYTES_TYPE) refuseMediaType(body, MEDIA_TYPES);
      return read(() => readRaw(body, rule));
    },
    parseJson: (value) => read(() => readTensorValue(value, rule)),
    parseTensors: (tensors) => {
      const named = findTensor(tensors, name);
      return read(() => readNamed(named, rule, many));
    },
    describeTensors: () => [{ name: name ?? "input", dtype, shape: [null, ...item] }],
    encode: (value) => encode(value, rule),
    toArgument: (payload) => copyTensor(tensorsOf([payload])[0]!),
    merge(payloads) {
      const tensors = tensorsOf(payloads);
      if (!stacked) return listTensors(tensors, many);
      return stackTensors(dtype, item as readonly number[], tensors);
    },
    ...(many && { split: (payload: Payload, most: number) => split(payload, most) }),
    content: () => ({
      [JSON_TYPE]: { schema: describeTensorJson(rule) },
      [BYTES_TYPE]: { schema: describeTensorBytes(rule) },
    }),
    itemSchema: () => describeNested({ ...rule, shape: item }),
  } satisfies Input);
}

function readRaw({ bytes, headers }: RequestBody, rule: TensorRule): Tensor {
  const dtype = headers?.get("x-tensor-dtype") ?? null;
  const shape = headers?.get("x-tensor-shape") ?? null;
  if (dtype !== null) checkType(dtype.trim(), rule.type);
  if (shape === null) return readTensorBytes(bytes, undefined, rule);
  const dims = readShapeHeader(shape);
  checkClaim(dims, rule);
  return readTensorBytes(bytes, dims, rule);
}

function findTensor(tensors: readonly NamedTensor[], name: string | undefined): NamedTensor {
  const [first] = tensors;
  if (tensors.length === 1 && (name === undefined || first!.name === name)) return first!;
  const names = tensors.length === 0 ? "none" : printNames(tensors.map((one) => one.name));
  throw new EkibenError("INPUT_INVALID", {
    detail: `The request has one tensor${name === undefined ? "" : ` with the name ${JSON.stringify(name)}`}, and ${names} came.`,
    expected: name ?? "one tensor",
    received: names,
  });
}

/** One item may come with the dimension that counts items before it, and may come without. */
function readNamed(
  named: NamedTensor,
  { type, shape, nonFinite }: TensorRule,
  many: boolean,
): Tensor {
  checkType(named.type, type);
  const { data } = named;
  const counted = !many && named.dims.length === shape.length + 1;
  if (counted) checkShape(named.dims, [1, ...shape]);
  else checkShape(named.dims, shape);
  if (countElements(named.dims) !== data.length) {
    throw new TensorFault(
      `the shape is ${printDims(named.dims)}, and ${data.length} elements came`,
    );
  }
  const made = { type, dims: counted ? named.dims.slice(1) : named.dims, data };
  if (!nonFinite) refuseNonFinite(made);
  return made;
}

function encode(value: unknown, rule: TensorRule): EncodedBody {
  const mediaType = JSON_TYPE;
  if (isForm(value)) return { bytes: toJsonBytes(value), mediaType };
  try {
    const flat = isTypedArray(value) && !("dims" in value);
    const made = flat
      ? fromFlat(value, rule.type, inferDims(value.length, rule.shape), rule)
      : fromNested(value, rule.type, rule);
    const text = toNestedJson(made, { nonFinite: "text" });
    return { bytes: Buffer.from(text, "utf8"), mediaType };
  } catch (fault) {
    throw toTensorError("INPUT_INVALID", INVALID, fault);
  }
}

/** The forms of JSON that are objects, such as `{ b64, shape }`, are sent as they are. */
function isForm(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value)
  );
}

function split(payload: Payload, most: number): Payload[] {
  const { tensor } = (payload as Payload<TensorPayload>).data;
  const parts: Payload[] = [];
  for (let from = 0; from < payload.items; from += most) {
    const to = Math.min(payload.items, from + most);
    const data: TensorPayload = Object.freeze({ tensor: sliceRows(tensor, from, to) });
    parts.push(Object.freeze({ items: to - from, data }));
  }
  return parts;
}

function checkOptions(options: TensorOptions): void {
  const invalid = invalidOptionOf("tensor");
  if (typeof options !== "object" || options === null) {
    throw invalid("it takes an object.", 'Write tensor({ shape: [28, 28], dtype: "float32" }).');
  }
  checkOptionNames(options, OPTIONS, invalid);
  const { shape, dtype, many, name, nonFinite } = options;
  const sizes = (size: unknown): boolean =>
    size === null || (Number.isSafeInteger(size) && (size as number) > 0);
  if (!Array.isArray(shape) || shape.length >= MOST_DIMS || !shape.every(sizes)) {
    throw invalid(
      `\`shape\` is ${Array.isArray(shape) ? printDims(shape) : typeof shape}, not a list of sizes.`,
      "Write the sizes of one item, and null where any size will do.",
    );
  }
  checkChoice("dtype", dtype, { known: TENSOR_TYPES, invalid });
  for (const [key, value] of Object.entries({ many, nonFinite })) {
    if (value !== undefined && typeof value !== "boolean") {
      throw invalid(`\`${key}\` is ${typeof value}, not true or false.`);
    }
  }
  if (name !== undefined && (typeof name !== "string" || name === "")) {
    throw invalid("`name` is not a name.");
  }
}
