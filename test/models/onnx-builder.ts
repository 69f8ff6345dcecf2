import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Element types as ONNX numbers them: TensorProto.DataType in onnx.proto. */
const ELEMENT_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
};

export type ElementType = keyof typeof ELEMENT_TYPES;
/** A size, a name for a free dimension, or `null` for a free one without a name. */
type Shape = readonly (number | string | null)[];

export interface Value {
  name: string;
  type: ElementType;
  /** Left out: the dimensions are not declared at all. */
  shape?: Shape;
  /** What is around the tensor: a list of them, or a list of maps from strings. */
  wrap?: "sequence" | "maps";
}

export interface Node {
  op: string;
  inputs: readonly string[];
  outputs: readonly string[];
  domain?: string;
  ints?: Readonly<Record<string, readonly number[]>>;
  numbers?: Readonly<Record<string, number>>;
  strings?: Readonly<Record<string, readonly string[]>>;
  texts?: Readonly<Record<string, string>>;
}

export interface Graph {
  inputs: readonly Value[];
  outputs: readonly Value[];
  nodes: readonly Node[];
  /** Types that are noted for values in between. */
  noted?: readonly Value[];
  /** @default operator set 11 */
  opsets?: Readonly<Record<string, number>>;
  /** float32 weights in a file beside the model. */
  external?: readonly { name: string; dims: readonly number[]; location: string }[];
  /** float32 weights of which only the first is written down; the others are zeros. */
  sparse?: readonly { name: string; size: number }[];
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function message(field: number, content: string | Buffer | readonly Buffer[]): Buffer {
  const bytes =
    typeof content === "string"
      ? Buffer.from(content)
      : Buffer.isBuffer(content)
        ? content
        : Buffer.concat(content);
  return Buffer.concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

function valueInfo({ name, type, shape, wrap }: Value): Buffer[] {
  const dims = shape?.map((size) =>
    message(
      1,
      typeof size === "number" ? [number(1, size)] : size === null ? [] : [message(2, size)],
    ),
  );
  const tensor = [number(1, ELEMENT_TYPES[type])];
  if (dims !== undefined) tensor.push(message(2, dims));
  const plain = [message(1, tensor)];
  const map = [message(5, [number(1, ELEMENT_TYPES.string), message(2, plain)])];
  const types = {
    tensor: plain,
    sequence: [message(4, [message(1, plain)])],
    maps: [message(4, [message(1, map)])],
  };
  return [message(1, name), message(2, types[wrap ?? "tensor"])];
}

function nodeProto(node: Node): Buffer[] {
  const { op, inputs, outputs, domain, ints = {}, numbers = {}, strings = {}, texts = {} } = node;
  const attributes = [
    ...Object.entries(ints).map(([name, values]) =>
      message(5, [message(1, name), ...values.map((value) => number(8, value)), number(20, 7)]),
    ),
    ...Object.entries(numbers).map(([name, value]) =>
      message(5, [message(1, name), number(3, value), number(20, 2)]),
    ),
    ...Object.entries(strings).map(([name, values]) =>
      message(5, [message(1, name), ...values.map((value) => message(9, value)), number(20, 8)]),
    ),
    ...Object.entries(texts).map(([name, value]) =>
      message(5, [message(1, name), message(4, value), number(20, 3)]),
    ),
  ];
  return [
    ...inputs.map((input) => message(1, input)),
    ...outputs.map((output) => message(2, output)),
    message(4, op),
    ...attributes,
    ...(domain === undefined ? [] : [message(7, domain)]),
  ];
}

/** Fields that no version of the format has. */
interface Strange {
  model?: readonly { field: number; value: string }[];
  graph?: readonly { field: number; value: string }[];
}

/** The bytes of an ONNX model. */
export function buildOnnx(
  { inputs, outputs, nodes, external = [], sparse = [], noted = [], opsets = { "": 11 } }: Graph,
  strange: Strange = {},
): Buffer {
  const odd = (fields: Strange["graph"] = []): Buffer[] =>
    fields.map(({ field, value }) => message(field, value));
  const graph = [
    ...nodes.map((node) => message(1, nodeProto(node))),
    message(2, "g"),
    ...sparse.map(({ name, size }) =>
      message(15, [
        message(1, [number(1, 1), number(2, 1), message(8, name), message(9, Buffer.alloc(4))]),
        message(2, [number(1, 1), number(2, ELEMENT_TYPES.int64), message(9, Buffer.alloc(8))]),
        number(3, size),
      ]),
    ),
    ...external.map(({ name, dims, location }) =>
      message(5, [
        ...dims.map((size) => number(1, size)),
        number(2, ELEMENT_TYPES.float32),
        message(8, name),
        message(13, [message(1, "location"), message(2, location)]),
        number(14, 1),
      ]),
    ),
    ...inputs.map((value) => message(11, valueInfo(value))),
    ...odd(strange.graph),
    ...outputs.map((value) => message(12, valueInfo(value))),
    ...noted.map((value) => message(13, valueInfo(value))),
  ];
  return Buffer.concat([
    number(1, 6),
    message(2, "builder"),
    message(7, graph),
    ...odd(strange.model),
    ...Object.entries(opsets).map(([domain, version]) =>
      message(8, [message(1, domain), number(2, version)]),
    ),
  ]);
}

/** A folder that is gone when the test is. */
export function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ekiben-models-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file into a folder of its own and answers its path. */
export function writeModel(content: Uint8Array | string, name = "model.onnx"): string {
  const file = join(createFolder(), name);
  writeFileSync(file, content);
  return file;
}

/** A model that answers its inputs, under their names with `_out`. */
export function identityModel(inputs: readonly Value[]): Buffer {
  return buildOnnx({
    inputs,
    outputs: inputs.map((value) => ({ ...value, name: `${value.name}_out` })),
    nodes: inputs.map(({ name }) => ({
      op: "Identity",
      inputs: [name],
      outputs: [`${name}_out`],
    })),
  });
}
