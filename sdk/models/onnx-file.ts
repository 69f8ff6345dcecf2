import { closeSync, fstatSync, openSync } from "node:fs";
import { ProtobufError, ProtobufReader } from "./protobuf-reader.js";

/** What an ONNX file tells about itself without being loaded. */
export interface OnnxFileFacts {
  irVersion: number | undefined;
  /** The program that wrote the file, such as `pytorch`. */
  producer: string | undefined;
  /** Operator set versions by domain; `""` is the standard domain, `ai.onnx`. */
  opsets: Readonly<Record<string, number>>;
  hasGraph: boolean;
  /** Whether an output is declared as something else than a tensor, as skl2onnx does by default. */
  hasOtherOutputs: boolean;
  /** The operators of the model, `domain:name` or `name`. */
  operators: ReadonlySet<string>;
  /** The side files that hold weights, as written: relative to the folder of the model. */
  externalFiles: readonly string[];
}

type Message =
  | "model"
  | "opset"
  | "graph"
  | "output"
  | "type"
  | "other"
  | "node"
  | "attribute"
  | "tensor"
  | "sparse"
  | "external"
  | "training"
  | "function";

/**
 * The fields on the way to every tensor of a model, also those inside of attributes, subgraphs and
 * functions: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
const PARTS: Record<Message, Readonly<Record<number, Message>>> = {
  model: { 7: "graph", 8: "opset", 20: "training", 25: "function" },
  graph: { 1: "node", 5: "tensor", 12: "output", 15: "sparse" },
  output: { 2: "type" },
  type: { 4: "other", 5: "other", 8: "other", 9: "other" },
  node: { 5: "attribute" },
  attribute: {
    5: "tensor",
    6: "graph",
    10: "tensor",
    11: "graph",
    22: "sparse",
    23: "sparse",
  },
  sparse: { 1: "tensor", 2: "tensor" },
  tensor: { 13: "external" },
  training: { 1: "graph", 2: "graph" },
  function: { 7: "node" },
  opset: {},
  external: {},
  other: {},
};

/** Names the texts and numbers that are kept, by message and field. */
const KEPT: Partial<Record<Message, Readonly<Record<number, "text" | "number">>>> = {
  model: { 1: "number", 2: "text" },
  node: { 4: "text", 7: "text" },
  opset: { 1: "text", 2: "number" },
  external: { 1: "text", 2: "text" },
};

/** Deeper than any real model nests its subgraphs: a made-up file must not exhaust the stack. */
const DEEPEST = 200;

/**
 * Walks through an ONNX file without reading its weights.
 * @throws ProtobufError when the file is not a whole protobuf message.
 */
export function readOnnxFile(file: string): OnnxFileFacts {
  const handle = openSync(file, "r");
  try {
    const { size } = fstatSync(handle);
    return readModel(new ProtobufReader(handle, size), size);
  } finally {
    closeSync(handle);
  }
}

function readModel(reader: ProtobufReader, size: number): OnnxFileFacts {
  const opsets: Record<string, number> = {};
  const externalFiles = new Set<string>();
  let hasGraph = false;
  let hasOtherOutputs = false;
  const operators = new Set<string>();

  const walk = (message: Message, end: number, depth: number): Map<number, string | number> => {
    if (depth > DEEPEST) throw new ProtobufError("the messages nest too deeply", false);
    const kept = new Map<number, string | number>();
    for (let field = reader.field(end); field !== undefined; field = reader.field(end)) {
      const part = field.wire === 2 ? PARTS[message][field.number] : undefined;
      const keep = KEPT[message]?.[field.number];
      if (part !== undefined) close(part, walk(part, field.end, depth + 1));
      else if (keep === "text" && field.wire === 2) kept.set(field.number, reader.text(field));
      else if (keep === "number" && field.wire === 0) kept.set(field.number, reader.varint());
      else reader.skip(field);
    }
    if (reader.position !== end)
      throw new ProtobufError("a field is longer than its message", end === size);
    return kept;
  };

  const close = (message: Message, kept: Map<number, string | number>): void => {
    if (message === "graph") hasGraph = true;
    if (message === "other") hasOtherOutputs = true;
    if (message === "node") {
      const domain = String(kept.get(7) ?? "");
      const operator = String(kept.get(4) ?? "");
      operators.add(domain === "" || domain === "ai.onnx" ? operator : `${domain}:${operator}`);
    }
    if (message === "opset") opsets[String(kept.get(1) ?? "")] = Number(kept.get(2) ?? 0);
    if (message === "external" && kept.get(1) === "location") {
      externalFiles.add(String(kept.get(2) ?? ""));
    }
  };

  const model = walk("model", size, 0);
  return {
    irVersion: model.get(1) as number | undefined,
    producer: model.get(2) as string | undefined,
    opsets,
    hasGraph,
    hasOtherOutputs,
    operators,
    externalFiles: [...externalFiles],
  };
}
