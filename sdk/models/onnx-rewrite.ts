import { closeSync, fstatSync, openSync } from "node:fs";
import {
  readListAttribute,
  readOnnxGraph,
  type GraphNode,
  type GraphValue,
  type OnnxGraph,
} from "./onnx-graph.js";
import { ProtobufReader, type ProtobufPart } from "./protobuf-reader.js";
import { joinPieces, writeField, writeNumber, type Piece } from "./protobuf-writer.js";

/** What an output that was no tensor is after the rewriting. */
export interface RewrittenOutput {
  /** The values that the columns stand for, in their order, where it was a list of maps. */
  readonly classes?: readonly (string | number)[];
}

/** A model without the outputs that onnxruntime-node cannot hand over. */
export interface RewrittenModel {
  readonly bytes: Uint8Array;
  readonly outputs: ReadonlyMap<string, RewrittenOutput>;
}

/**
 * Rewrites outputs that are sequences or maps into the tensors that they are made of, in memory:
 * the list of maps of a ZipMap becomes the matrix that went into it, and a SequenceConstruct one
 * output an element, `<name>_0` and so on. All other bytes stay as they are. `undefined` when
 * nothing can be done.
 * @throws ProtobufError
 */
export function rewriteOnnxOutputs(file: string): RewrittenModel | undefined {
  const handle = openSync(file, "r");
  try {
    const reader = new ProtobufReader(handle, fstatSync(handle).size);
    const graph = readOnnxGraph(reader);
    if (graph === undefined) return undefined;
    const plan = planRewrite(reader, graph);
    if (plan.outputs.size === 0) return undefined;
    return { bytes: joinPieces(handle, toPieces(reader, graph, plan)), outputs: plan.outputs };
  } finally {
    closeSync(handle);
  }
}

interface Plan {
  readonly outputs: Map<string, RewrittenOutput>;
  /** What stands in the place of a field of the graph, by where the field begins. */
  readonly replaced: Map<number, readonly Piece[]>;
  /** Values whose noted types are wrong now. */
  readonly retyped: Set<string>;
}

const ML_DOMAIN = "ai.onnx.ml";

function isStandard(node: GraphNode, op: string): boolean {
  return node.op === op && (node.domain === "" || node.domain === "ai.onnx");
}

function planRewrite(reader: ProtobufReader, graph: OnnxGraph): Plan {
  const plan: Plan = { outputs: new Map(), replaced: new Map(), retyped: new Set() };
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  const used = new Set([
    ...makers.keys(),
    ...graph.initializers,
    ...[...graph.inputs, ...graph.outputs].map(({ name }) => name),
  ]);
  for (const output of graph.outputs) {
    if (output.type.kind !== "sequence") continue;
    const chain = [output.name];
    let maker = makers.get(output.name);
    // A value that only gets another name is what it was. A circle, which no model has, ends it.
    while (maker !== undefined && isStandard(maker, "Identity") && chain.length < makers.size + 1) {
      chain.push(maker.inputs[0] ?? "");
      maker = makers.get(chain.at(-1)!);
    }
    if (maker === undefined) continue;
    if (maker.op === "ZipMap" && maker.domain === ML_DOMAIN && output.type.of?.kind === "map") {
      for (const name of chain) plan.retyped.add(name);
      unzip(reader, { output, maker, plan });
    } else if (isStandard(maker, "SequenceConstruct") && output.type.of?.kind === "tensor") {
      spread({ output, maker, plan, used });
    }
  }
  return plan;
}

interface Change {
  output: GraphValue;
  maker: GraphNode;
  plan: Plan;
}

/** The node hands its input on: the name of the output, which its author knows, stays. */
function unzip(reader: ProtobufReader, { output, maker, plan }: Change): void {
  const labels =
    readListAttribute(reader, maker, "classlabels_strings") ??
    readListAttribute(reader, maker, "classlabels_int64s") ??
    [];
  const element = output.type.of!.of?.elementType ?? FLOAT32;
  plan.replaced.set(maker.from, identity(maker.inputs[0] ?? "", maker.outputs[0]!, maker.name));
  plan.replaced.set(output.from, tensorValue(output, output.name, element));
  plan.outputs.set(output.name, { classes: labels.map(toLabel) });
}

function toLabel(label: string | bigint): string | number {
  if (typeof label === "string") return label;
  const number = Number(label);
  return Number.isSafeInteger(number) ? number : String(label);
}

/** One output an element. The node stays where it is, for others that may use the sequence. */
function spread({ output, maker, plan, used }: Change & { used: Set<string> }): void {
  const element = output.type.of!.elementType ?? FLOAT32;
  const values: Piece[] = [];
  const nodes: Piece[] = [];
  maker.inputs.forEach((input, i) => {
    let name = `${output.name}_${i}`;
    while (used.has(name)) name += "_";
    used.add(name);
    nodes.push(...identity(input, name));
    values.push(...tensorValue(output, name, element));
    plan.outputs.set(name, {});
  });
  const before = plan.replaced.get(maker.from) ?? [{ from: maker.from, to: maker.to }];
  plan.replaced.set(maker.from, [...before, ...nodes]);
  plan.replaced.set(output.from, values);
}

/** TensorProto.DataType.FLOAT. */
const FLOAT32 = 1;

function identity(input: string, output: string, name?: string): Piece[] {
  return writeField(1, [
    ...writeField(1, input),
    ...writeField(2, output),
    ...(name === undefined ? [] : writeField(3, name)),
    ...writeField(4, "Identity"),
  ]);
}

/** The declaration of an output as a tensor; its dimensions are left for onnxruntime to find. */
function tensorValue(output: GraphValue, name: string, elementType: number): Piece[] {
  const others = output.parts.filter(({ number }) => number !== 1 && number !== 2);
  return writeField(12, [
    ...writeField(1, name),
    ...writeField(2, writeField(1, writeNumber(1, elementType))),
    ...others,
  ]);
}

function toPieces(reader: ProtobufReader, graph: OnnxGraph, plan: Plan): Piece[] {
  const stale = graph.noted.filter(({ name }) => plan.retyped.has(name)).map(({ from }) => from);
  for (const from of stale) plan.replaced.set(from, []);
  const content = joinRanges(graph.parts.flatMap((part) => plan.replaced.get(part.from) ?? [part]));
  const model = graph.modelParts.flatMap((part) =>
    part === graph.graph ? writeField(7, content) : [toRange(part)],
  );
  if (!importsStandard(reader, graph.modelParts)) {
    // Identity has been the same since the first operator set; 9 is one that every runtime knows.
    model.push(...writeField(8, [...writeField(1, ""), ...writeNumber(2, 9)]));
  }
  return joinRanges(model);
}

function importsStandard(reader: ProtobufReader, modelParts: readonly ProtobufPart[]): boolean {
  return modelParts
    .filter(({ number, wire }) => number === 8 && wire === 2)
    .some((part) => {
      const domain = reader.parts({ from: part.body, to: part.to }).find((one) => one.number === 1);
      const name = domain === undefined ? "" : reader.textOf(domain);
      return name === "" || name === "ai.onnx";
    });
}

function toRange({ from, to }: ProtobufPart): Piece {
  return { from, to };
}

/** Ranges that touch as one, so that thousands of nodes are one read. */
function joinRanges(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    const touch = last !== undefined && "to" in last && "from" in piece && last.to === piece.from;
    if (touch) joined[joined.length - 1] = { from: last.from, to: piece.to };
    else joined.push("from" in piece ? { from: piece.from, to: piece.to } : piece);
  }
  return joined;
}
