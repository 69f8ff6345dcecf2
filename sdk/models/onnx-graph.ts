import type { ProtobufPart, ProtobufReader } from "./protobuf-reader.js";
import type { FileRange } from "./protobuf-writer.js";

/** What a value of a graph is: `tensor` with its element type, or one of the kinds around tensors. */
export interface ValueType {
  readonly kind: "tensor" | "sequence" | "map" | "optional" | "sparse tensor" | "unknown";
  /** The element type of the tensors inside, as TensorProto.DataType numbers it. */
  readonly elementType?: number;
  /** What a sequence or optional is of. */
  readonly of?: ValueType;
}

/** An input or output of a graph, with its place in the file. */
export interface GraphValue extends FileRange {
  readonly name: string;
  readonly type: ValueType;
  readonly parts: readonly ProtobufPart[];
}

/** A node of a graph, with its place in the file. */
export interface GraphNode extends FileRange {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name: string | undefined;
  readonly attributes: readonly ProtobufPart[];
}

/** The one graph of a model, with the place of each of its fields. */
export interface OnnxGraph {
  /** All fields of the model, the graph among them. */
  readonly modelParts: readonly ProtobufPart[];
  readonly graph: ProtobufPart;
  readonly parts: readonly ProtobufPart[];
  readonly nodes: readonly GraphNode[];
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** Types that the file notes for values in between. */
  readonly noted: readonly GraphValue[];
  readonly initializers: readonly string[];
}

/**
 * The structure of a model's graph, without its weights; `undefined` for a file that has its graph
 * in several parts, which protobuf allows and nothing writes. Field numbers:
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * @throws ProtobufError
 */
export function readOnnxGraph(reader: ProtobufReader): OnnxGraph | undefined {
  const modelParts = reader.parts({ from: 0, to: reader.size });
  const graphs = modelParts.filter(({ number, wire }) => number === 7 && wire === 2);
  const [graph] = graphs;
  if (graph === undefined || graphs.length > 1) return undefined;
  const parts = reader.parts({ from: graph.body, to: graph.to });
  const all = (number: number): ProtobufPart[] =>
    parts.filter((part) => part.number === number && part.wire === 2);
  return {
    modelParts,
    graph,
    parts,
    nodes: all(1).map((part) => readNode(reader, part)),
    inputs: all(11).map((part) => readValue(reader, part)),
    outputs: all(12).map((part) => readValue(reader, part)),
    noted: all(13).map((part) => readValue(reader, part)),
    initializers: all(5).map((part) => textIn(reader, inside(reader, part), 8) ?? ""),
  };
}

function inside(reader: ProtobufReader, part: ProtobufPart): ProtobufPart[] {
  return reader.parts({ from: part.body, to: part.to });
}

function textsIn(reader: ProtobufReader, parts: readonly ProtobufPart[], number: number): string[] {
  return parts
    .filter((part) => part.number === number && part.wire === 2)
    .map((part) => reader.textOf(part));
}

/** The last text of a field, which is the one that counts. */
function textIn(
  reader: ProtobufReader,
  parts: readonly ProtobufPart[],
  number: number,
): string | undefined {
  return textsIn(reader, parts, number).at(-1);
}

function readNode(reader: ProtobufReader, part: ProtobufPart): GraphNode {
  const parts = inside(reader, part);
  return {
    from: part.from,
    to: part.to,
    op: textIn(reader, parts, 4) ?? "",
    domain: textIn(reader, parts, 7) ?? "",
    inputs: textsIn(reader, parts, 1),
    outputs: textsIn(reader, parts, 2),
    name: textIn(reader, parts, 3),
    attributes: parts.filter(({ number, wire }) => number === 5 && wire === 2),
  };
}

function readValue(reader: ProtobufReader, part: ProtobufPart): GraphValue {
  const parts = inside(reader, part);
  const type = parts.findLast(({ number, wire }) => number === 2 && wire === 2);
  return {
    from: part.from,
    to: part.to,
    name: textIn(reader, parts, 1) ?? "",
    type: type === undefined ? { kind: "unknown" } : readType(reader, type, 0),
    parts,
  };
}

/** Deeper than any type that ONNX has. */
const DEEPEST = 8;

function readType(reader: ProtobufReader, part: ProtobufPart, depth: number): ValueType {
  const parts = depth > DEEPEST ? [] : inside(reader, part);
  const found = parts.find(({ number, wire }) => wire === 2 && TYPE_KINDS[number] !== undefined);
  if (found === undefined) return { kind: "unknown" };
  const kind = TYPE_KINDS[found.number]!;
  const fields = inside(reader, found);
  if (kind === "tensor" || kind === "sparse tensor") {
    const element = fields.findLast(({ number, wire }) => number === 1 && wire === 0);
    return { kind, ...(element !== undefined && { elementType: reader.numberOf(element) }) };
  }
  const of = fields.findLast(
    ({ number, wire }) => wire === 2 && number === (kind === "map" ? 2 : 1),
  );
  return { kind, ...(of !== undefined && { of: readType(reader, of, depth + 1) }) };
}

/** The fields of TypeProto. */
const TYPE_KINDS: Readonly<Record<number, ValueType["kind"]>> = {
  1: "tensor",
  4: "sequence",
  5: "map",
  8: "sparse tensor",
  9: "optional",
};

/** The type in words: `sequence of map of tensor`. */
export function printType({ kind, of }: ValueType): string {
  return of === undefined || kind === "map" ? kind : `${kind} of ${printType(of)}s`;
}

/** The texts or integers of an attribute of a node, `undefined` when it has none of that name. */
export function readListAttribute(
  reader: ProtobufReader,
  node: GraphNode,
  name: string,
): (string | bigint)[] | undefined {
  for (const attribute of node.attributes) {
    const parts = inside(reader, attribute);
    if (textIn(reader, parts, 1) !== name) continue;
    return parts.flatMap((part): (string | bigint)[] => {
      if (part.number === 8) return reader.integersOf(part);
      return part.number === 9 && part.wire === 2 ? [reader.textOf(part)] : [];
    });
  }
  return undefined;
}
