import type { JsonSchema } from "../core/json-schema.js";
import type { TensorType } from "../tensor/tensor.js";
import { printDims } from "../tensor/dims.js";
import type { TensorRule } from "./tensor-body.js";

const RANGES: Partial<Record<TensorType, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32_768, 32_767],
  uint16: [0, 65_535],
  int32: [-2_147_483_648, 2_147_483_647],
  uint32: [0, 4_294_967_295],
};

function describeElement(type: TensorType, nonFinite: boolean): JsonSchema {
  switch (type) {
    case "bool":
      return { type: "boolean" };
    case "string":
      return { type: "string" };
    case "float32":
    case "float64":
      if (!nonFinite) return { type: "number" };
      return {
        anyOf: [
          { type: "number" },
          { enum: ["NaN", "Infinity", "-Infinity"] },
          { type: "null", description: "NaN" },
        ],
      };
    case "int64":
      return { anyOf: [{ type: "integer" }, { type: "string", pattern: "^-?\\d{1,20}$" }] };
    case "uint64":
      return {
        anyOf: [
          { type: "integer", minimum: 0 },
          { type: "string", pattern: "^\\d{1,20}$" },
        ],
      };
    default: {
      const [minimum, maximum] = RANGES[type]!;
      return { type: "integer", minimum, maximum };
    }
  }
}

/** JSON Schema of the nested lists of a tensor. */
export function describeNested({ type, shape, nonFinite }: TensorRule): JsonSchema {
  return shape.reduceRight<JsonSchema>(
    (items, size) => ({
      type: "array",
      items,
      ...(size !== null && { minItems: size, maxItems: size }),
    }),
    describeElement(type, nonFinite),
  );
}

/** JSON Schema of everything that a JSON body may be. */
export function describeTensorJson(rule: TensorRule): JsonSchema {
  const element = describeElement(rule.type, rule.nonFinite);
  const shape: JsonSchema = {
    type: "array",
    items: { type: "integer", minimum: 0 },
    description: `The dimensions: ${printDims(rule.shape)}`,
  };
  const dtype: JsonSchema = { type: "string", description: `The element type: ${rule.type}` };
  return {
    anyOf: [
      describeNested(rule),
      {
        type: "object",
        properties: {
          data: {
            anyOf: [describeNested(rule), { type: "array", items: element }],
            description: "Nested lists, or all elements in one list in row-major order",
          },
          shape,
          dtype,
        },
        required: ["data"],
        additionalProperties: false,
      },
      {
        type: "object",
        properties: {
          b64: {
            type: "string",
            contentEncoding: "base64",
            description: "The elements in row-major order, little-endian",
          },
          shape,
          dtype,
        },
        required: ["b64"],
        additionalProperties: false,
      },
    ],
  };
}

/** JSON Schema of a body of little-endian bytes. */
export function describeTensorBytes({ type, shape }: TensorRule): JsonSchema {
  const free = shape.filter((size) => size === null).length;
  const header = free > 1 || (free === 1 && type === "string") ? "has to" : "may";
  return {
    type: "string",
    format: "binary",
    description: `${type} ${printDims(shape)} in row-major order, little-endian. The header X-Tensor-Shape ${header} name the dimensions, X-Tensor-Dtype may name the element type.`,
  };
}
