import type { TensorType } from "./tensor.js";

/**
 * The element types as the Open Inference Protocol names them
 * (https://github.com/kserve/open-inference-protocol, "Tensor Data Types").
 */
export const DATATYPES = [
  "BOOL",
  "UINT8",
  "UINT16",
  "UINT32",
  "UINT64",
  "INT8",
  "INT16",
  "INT32",
  "INT64",
  "FP16",
  "FP32",
  "FP64",
  "BYTES",
] as const;

export type Datatype = (typeof DATATYPES)[number];

/** FP16 has no type of its own in memory: it is widened to float32, which holds all its values. */
const TYPES: Readonly<Record<Datatype, TensorType>> = {
  BOOL: "bool",
  UINT8: "uint8",
  UINT16: "uint16",
  UINT32: "uint32",
  UINT64: "uint64",
  INT8: "int8",
  INT16: "int16",
  INT32: "int32",
  INT64: "int64",
  FP16: "float32",
  FP32: "float32",
  FP64: "float64",
  BYTES: "string",
};

const NAMES = Object.fromEntries(
  DATATYPES.filter((name) => name !== "FP16").map((name) => [TYPES[name], name]),
) as Readonly<Record<TensorType, Exclude<Datatype, "FP16">>>;

export function isDatatype(name: unknown): name is Datatype {
  return typeof name === "string" && Object.hasOwn(TYPES, name);
}

/** The element type in memory of a datatype of the protocol. */
export function fromDatatype(datatype: Datatype): TensorType {
  return TYPES[datatype];
}

/** The datatype of the protocol for an element type in memory. */
export function toDatatype(type: TensorType): Exclude<Datatype, "FP16"> {
  return NAMES[type];
}
