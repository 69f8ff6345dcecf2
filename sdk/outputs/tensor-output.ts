import { EkibenError } from "../core/errors.js";
import type { JsonSchema } from "../core/json-schema.js";
import type { Cardinality } from "../inputs/input.js";
import { fromLittleEndian, toLittleEndian } from "../tensor/little-endian.js";
import { fromNested } from "../tensor/nested.js";
import { toNested, toNestedJson } from "../tensor/print-nested.js";
import { isTensorType, type Tensor, type TensorType } from "../tensor/tensor.js";
import type { TypedElements } from "../tensor/tensor-array.js";
import { TensorFault, toTensorError } from "../tensor/tensor-fault.js";
import { BYTES_TYPE, JSON_TYPE } from "./media-types.js";
import type { Output, OutputSlice } from "./output.js";
import { parseText } from "./read-text.js";
import { stackTensors } from "./stack-tensors.js";

export interface TensorOutputOptions<Dtype extends TensorType = TensorType> {
  /** The shape of one output, `null` where any size will do. */
  shape: readonly (number | null)[];
  dtype: Dtype;
  /** What the Open Inference Protocol calls it. @default "output" */
  name?: string;
}

/** Numbers, texts or truth values in lists in lists. */
export type NestedList<Element> = Element | readonly NestedList<Element>[];

/** What one element of a tensor is in JavaScript. */
type ElementOf<Dtype> = Dtype extends "string"
  ? string
  : Dtype extends "bool"
    ? boolean
    : Dtype extends "int64" | "uint64"
      ? number | bigint
      : number;

/** What a TensorArray has beside plain arrays: texts and truth values are in plain ones. */
type TypedList<Element> = Element extends number | bigint ? TypedElements<Element> : never;

/** Lists in lists, the innermost of which may be typed arrays. */
type AnyList<Element> = Element | TypedList<Element> | readonly AnyList<Element>[];

/** One tensor as a handler returns it: with dimensions of its own, or as nested lists. */
export type TensorItem<Element> =
  | AnyList<Element>
  | { readonly data: ArrayLike<unknown>; readonly dims: readonly number[] };

const MEDIA_TYPES = Object.freeze([JSON_TYPE, BYTES_TYPE]);
const SHAPE_HEADER = "X-Tensor-Shape";
const DTYPE_HEADER = "X-Tensor-Dtype";

/**
 * Writes tensors: nested lists as JSON, or their bytes, row-major and little-endian, when a client
 * asks for `application/octet-stream`. The outputs of a request of many items are one tensor, stacked
 * along a first dimension. Shape and elements are always checked.
 * @throws SERVICE_INVALID for a shape or dtype that does not exist.
 * @example tensorOutput({ shape: [10], dtype: "float32" })
 */
export function tensorOutput<Dtype extends TensorType>({
  shape,
  dtype,
  name = "output",
}: TensorOutputOptions<Dtype>): Output<
  TensorItem<ElementOf<Dtype>>,
  NestedList<ElementOf<Dtype>>,
  false
> {
  checkOptions(shape, dtype);
  const declared = { shape, type: dtype };
  // `headers` asks for what `write` has just made.
  const stacked = new WeakMap<OutputSlice, Tensor>();

  function toWhole(outputs: OutputSlice, cardinality: Cardinality): Tensor {
    let tensor = stacked.get(outputs);
    if (tensor === undefined) {
      tensor = stackTensors(outputs, declared);
      if (cardinality === "one") tensor = { ...tensor, dims: tensor.dims.slice(1) };
      stacked.set(outputs, tensor);
    }
    return tensor;
  }

  return Object.freeze({
    kind: "tensor",
    streams: false,
    hints: Object.freeze({ dtype }),
    mediaTypes: () => MEDIA_TYPES,
    write(outputs, { mediaType, cardinality }) {
      const tensor = toWhole(outputs, cardinality);
      return mediaType === JSON_TYPE ? toNestedJson(tensor) : toLittleEndian(tensor);
    },
    headers(outputs, { mediaType, cardinality }): Record<string, string> {
      if (mediaType === JSON_TYPE) return {};
      const { dims } = toWhole(outputs, cardinality);
      return { [SHAPE_HEADER]: dims.join(","), [DTYPE_HEADER]: dtype };
    },
    read(body, { mediaType, cardinality, header }) {
      const whole = cardinality === "one" ? shape : [null, ...shape];
      try {
        if (mediaType !== JSON_TYPE) {
          return toResult(fromLittleEndian(body, dtype, readShape(header(SHAPE_HEADER))));
        }
        const value = parseText(body);
        return toResult(fromNested(value, dtype, { shape: whole, nonFinite: true }));
      } catch (fault) {
        throw toTensorError(
          "OUTPUT_INVALID",
          "The answer is not the tensor that was promised",
          fault,
        );
      }
    },
    toTensors: (outputs) => [{ name, ...stackTensors(outputs, declared) }],
    describeTensors: () => [{ name, dtype, shape: [null, ...shape] }],
    content(cardinality) {
      const json = describeTensor(cardinality === "one" ? shape : [null, ...shape], dtype);
      const bytes = {
        type: "string",
        format: "binary",
        description: `The elements, ${dtype}, row-major and little-endian; ${SHAPE_HEADER} has the shape`,
      };
      return {
        [JSON_TYPE]: { schema: json },
        [BYTES_TYPE]: { schema: bytes },
      };
    },
  } satisfies Output<TensorItem<ElementOf<Dtype>>, NestedList<ElementOf<Dtype>>, false>);
}

function checkOptions(shape: readonly (number | null)[], dtype: string): void {
  const isShape =
    Array.isArray(shape) &&
    shape.every((size) => size === null || (Number.isSafeInteger(size) && size > 0));
  if (!isShape) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: "tensorOutput() needs the shape of one output.",
      hint: "Write the sizes of one output without the batch, null where a size may differ, such as [10] or [null, 4].",
      received: JSON.stringify(shape) ?? "nothing",
    });
  }
  if (isTensorType(dtype)) return;
  throw new EkibenError("SERVICE_INVALID", {
    detail: `tensorOutput() got the dtype ${JSON.stringify(dtype)}.`,
    hint: "Use float32, float64, bool, string, or an integer such as int64 or uint8.",
  });
}

function readShape(header: string | null): number[] {
  if (header === null) throw new TensorFault(`it has no header ${SHAPE_HEADER}`);
  return header.trim() === "" ? [] : header.split(",").map(Number);
}

/** Nested lists; integers of 64 bits are numbers while that is exact, as in JSON. */
function toResult(tensor: Tensor): any {
  if (tensor.type !== "int64" && tensor.type !== "uint64") return toNested(tensor);
  const data = Array.from(tensor.data as BigInt64Array, (value) =>
    Number.isSafeInteger(Number(value)) ? Number(value) : value,
  );
  return toNested({ ...tensor, data: data as never });
}

/** Nested lists in JSON Schema. */
function describeTensor(shape: readonly (number | null)[], dtype: TensorType): JsonSchema {
  return shape.reduceRight<JsonSchema>(
    (items, size) => ({
      type: "array",
      items,
      ...(size === null ? {} : { minItems: size, maxItems: size }),
    }),
    describeElement(dtype),
  );
}

function describeElement(dtype: TensorType): JsonSchema {
  switch (dtype) {
    case "string":
      return { type: "string" };
    case "bool":
      return { type: "boolean" };
    case "float32":
    case "float64":
      return { type: ["number", "null"], description: "null for NaN and the infinities" };
    case "int64":
    case "uint64":
      return { anyOf: [{ type: "integer" }, { type: "string", pattern: "^-?\\d+$" }] };
    default:
      return { type: "integer" };
  }
}
