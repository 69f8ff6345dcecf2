import { isUtf8 } from "node:buffer";
import { EkibenError } from "../../core/errors.js";
import { DATATYPES, fromDatatype, isDatatype, type Datatype } from "../../tensor/datatype.js";
import { checkDims, printDims } from "../../tensor/dims.js";
import { fromFloat16, fromFloat16Bytes, toFloat16 } from "../../tensor/float16.js";
import { fromLittleEndian } from "../../tensor/little-endian.js";
import type { NamedTensor } from "../../tensor/named-tensor.js";
import { fromFlat, fromNested } from "../../tensor/nested.js";
import { countElements, type Tensor } from "../../tensor/tensor.js";
import { TensorFault, toTensorError } from "../../tensor/tensor-fault.js";

/** A JSON object, whose fields may be anything. */
export type Fields = Readonly<Record<string, unknown>>;

/** One tensor of a request, before its shape and datatype are known to be any. */
export interface SentTensor {
  readonly name: string;
  /** Begins the sentence about what is wrong with it. */
  readonly label: string;
  readonly parameters: Fields | undefined;
  readonly fields: Fields;
  /** Its bytes, when they came behind the JSON. */
  readonly binary?: Uint8Array;
}

/** @throws BODY_MALFORMED */
export function readTensor({ name, label, parameters, fields, binary }: SentTensor): NamedTensor {
  const { shape, datatype, data } = fields;
  if (!isDatatype(datatype)) {
    throw new EkibenError("BODY_MALFORMED", {
      detail: `${label} has no known \`datatype\`.`,
      expected: DATATYPES.join(", "),
      received: typeof datatype === "string" ? datatype.slice(0, 40) : typeof datatype,
    });
  }
  try {
    // A list of lists, however deep, is not printed in a message.
    if (!Array.isArray(shape) || !shape.every((size) => typeof size === "number")) {
      throw new TensorFault("the shape is not a list of sizes", { expected: "such as [2, 3]" });
    }
    checkDims(shape);
    if (binary !== undefined) return { name, ...readBinary(datatype, shape, binary, parameters) };
    const tensor = readData(datatype, shape, data);
    return { name, ...tensor, ...(parameters !== undefined && { parameters }) };
  } catch (fault) {
    throw toTensorError("BODY_MALFORMED", label, fault);
  }
}

function readData(datatype: Datatype, dims: readonly number[], data: unknown): Tensor {
  if (!Array.isArray(data)) throw new TensorFault("`data` is not a list");
  const type = fromDatatype(datatype);
  const tensor = Array.isArray(data[0])
    ? fromNested(data, type, { shape: dims, nonFinite: true })
    : fromFlat(data, type, dims, { nonFinite: true });
  return datatype === "FP16" ? roundToHalves(tensor) : tensor;
}

function roundToHalves(tensor: Tensor): Tensor {
  const data = (tensor.data as Float32Array).map((value, at) => {
    const half = fromFloat16(toFloat16(value));
    if (Number.isFinite(value) && !Number.isFinite(half)) {
      throw new TensorFault(`[${at}] is ${value}, and FP16 ends at 65504`, { path: `[${at}]` });
    }
    return half;
  });
  return { ...tensor, data };
}

type Read = Omit<NamedTensor, "name">;

function readBinary(
  datatype: Datatype,
  dims: readonly number[],
  bytes: Uint8Array,
  sent: Fields | undefined,
): Read {
  // It has told where the bytes are, and is no fact of the tensor.
  const { binary_data_size: _, ...parameters } = sent ?? {};
  const more = Object.keys(parameters).length === 0 ? {} : { parameters };
  if (datatype === "FP16") return { ...readHalves(dims, bytes), ...more };
  if (datatype !== "BYTES") {
    return { ...fromLittleEndian(bytes, fromDatatype(datatype), dims), ...more };
  }
  const { data, isText } = readStrings(bytes, countElements(dims));
  return {
    type: "string",
    dims,
    data,
    ...(isText ? more : { parameters: { ...parameters, content_type: "base64" } }),
  };
}

function readHalves(dims: readonly number[], bytes: Uint8Array): Tensor {
  const size = countElements(dims) * 2;
  if (bytes.length !== size) {
    throw new TensorFault(`FP16 ${printDims(dims)} takes ${size} bytes, and ${bytes.length} came`, {
      expected: `${size} bytes`,
      received: `${bytes.length} bytes`,
    });
  }
  return { type: "float32", dims, data: fromFloat16Bytes(bytes) };
}

/** The length of a string stands before it in so many bytes. */
const PREFIX = 4;

/**
 * Strings with their lengths before them. When one is not text, such as an image, all of them are
 * written in base64, which is how they would have come in JSON.
 */
function readStrings(bytes: Uint8Array, count: number): { data: string[]; isText: boolean } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ends = findStrings(buffer, count);
  const isText = ends.every((end, i) => isUtf8(buffer.subarray(startOf(ends, i), end)));
  const encoding = isText ? "utf8" : "base64";
  const data = Array.from(ends, (end, i) => buffer.toString(encoding, startOf(ends, i), end));
  return { data, isText };
}

function startOf(ends: Float64Array, at: number): number {
  return (at === 0 ? 0 : ends[at - 1]!) + PREFIX;
}

/** Where each string ends. */
function findStrings(buffer: Buffer, count: number): Float64Array {
  // Each takes its prefix at least: this bounds what a shape can make us allocate.
  if (count * PREFIX > buffer.length) {
    throw new TensorFault(`${buffer.length} bytes cannot hold ${count} strings`);
  }
  const ends = new Float64Array(count);
  let at = 0;
  for (let i = 0; i < count; i += 1) {
    const start = at + PREFIX;
    at = start <= buffer.length ? start + buffer.readUInt32LE(at) : Infinity;
    if (at > buffer.length) {
      throw new TensorFault(`the bytes end inside of string [${i}]`, {
        path: `[${i}]`,
        hint: "Write the length of each string before it, 4 bytes little-endian.",
      });
    }
    ends[i] = at;
  }
  if (at === buffer.length) return ends;
  throw new TensorFault(`${buffer.length - at} bytes follow the ${count} strings`);
}
